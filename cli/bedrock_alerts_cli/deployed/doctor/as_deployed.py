"""What CloudFormation made of the stack: the template with its parameters and physical ids."""

import json
from typing import Any

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.template import parse
from bedrock_alerts_cli.template import resolver as project_resolver


def template_of(stack: DeployedStack) -> project_resolver.Resolver:
    """Return the deployed template, after the SAM transform. Raises what the client raises."""
    answer = stack.client("cloudformation").get_template(
        StackName=stack.name, TemplateStage="Processed"
    )
    template: Any = answer["TemplateBody"]
    if isinstance(template, str):
        is_json = template.lstrip().startswith("{")
        template = json.loads(template) if is_json else parse(template)
    declared = template.get("Parameters", {})
    return project_resolver.Resolver(
        template,
        {name: value for name, value in stack.parameters.items() if name in declared},
        project_resolver.Stack(
            name=stack.name,
            account=stack.account,
            region=stack.region,
            partition=partition(stack),
            stack_id=stack.stack_id,
            physical_ids=stack.resources,
        ),
    )


def partition(stack: DeployedStack) -> str:
    """Return the partition that the stack is in, such as `aws`."""
    return stack.stack_id.split(":")[1] if stack.stack_id else "aws"


def function_arn(stack: DeployedStack, logical_id: str) -> str:
    """Return the ARN of one of the stack's functions."""
    name = stack.resource(logical_id)
    return f"arn:{partition(stack)}:lambda:{stack.region}:{stack.account}:function:{name}"
