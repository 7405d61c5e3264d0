"""Values of any shape in botocore's model of `bedrock-runtime`, for hypothesis.

The model is AWS's own word on what Bedrock answers: what it allows we have to read, and when a new
version of it allows more, tests built on it see it first.
"""

from functools import cache
from typing import Any, Final

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.session import Session
from hypothesis import strategies as st

# Deeper than this, members that may be absent are: findings of automated reasoning have no end.
_MAX_DEPTH: Final = 5
_WORDS: Final = st.text("abcXYZ 019-_", max_size=9)
_TEXTS: Final = st.text(max_size=9)
_SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "boolean": st.booleans(),
    "integer": st.integers(0, 10**6),
    "long": st.integers(0, 10**6),
    "double": st.floats(0, 1),
    "float": st.floats(0, 1),
    "blob": _TEXTS,
    "timestamp": _TEXTS,
}


@cache
def service_model() -> ServiceModel:
    return Session().get_service_model("bedrock-runtime")


def shape(name: str) -> Shape:
    return service_model().shape_for(name)


def structure(name: str) -> StructureShape:
    found = shape(name)
    assert isinstance(found, StructureShape)
    return found


def enum(name: str) -> list[str]:
    found = shape(name)
    assert isinstance(found, StringShape)
    assert found.enum
    return list(found.enum)


@cache
def values(name: str) -> st.SearchStrategy[Any]:
    """Return a strategy for the JSON of a shape."""
    return _of(shape(name), 0)


def _of(found: Shape, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(found, StructureShape):
        return _structures(found, depth)
    if isinstance(found, ListShape):
        least = int(found.metadata.get("min", 0))
        most = max(least, 0 if depth > _MAX_DEPTH else 2)
        return st.lists(_of(found.member, depth + 1), min_size=least, max_size=most)
    if isinstance(found, MapShape):
        return st.dictionaries(_WORDS, _of(found.value, depth + 1), max_size=2)
    if isinstance(found, StringShape):
        return _strings(found)
    return _SCALARS[found.type_name]


def _structures(found: StructureShape, depth: int) -> st.SearchStrategy[Any]:
    if found.is_document_type:
        return st.recursive(
            st.none() | st.booleans() | st.integers() | _TEXTS,
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
            max_leaves=4,
        )
    if getattr(found, "is_tagged_union", False):
        if depth > _MAX_DEPTH:
            return st.fixed_dictionaries({})
        return st.one_of(
            *(
                st.fixed_dictionaries({name: _of(member, depth + 1)})
                for name, member in found.members.items()
            )
        )
    required = {
        name: _of(member, depth + 1)
        for name, member in found.members.items()
        if name in found.required_members
    }
    optional = {
        name: _of(member, depth + 1)
        for name, member in found.members.items()
        if name not in found.required_members and depth <= _MAX_DEPTH
    }
    return st.fixed_dictionaries(required, optional=optional)


def _strings(found: StringShape) -> st.SearchStrategy[str]:
    if found.enum:
        return st.sampled_from(found.enum)
    if found.name == "GuardrailVersion":
        return st.sampled_from(["", "1", "12345678", "DRAFT"])
    # Names are shown to people: what cleaning does to them is tested elsewhere.
    return _WORDS if found.name == "String" else _TEXTS
