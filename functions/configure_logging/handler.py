"""Turn Bedrock's model invocation logging on and off, as CloudFormation requests."""

from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from bedrock_alerts.adapters.bedrock_logging import BedrockLogging, LogGroups, ParameterMemory
from bedrock_alerts.adapters.cloudformation import Responder
from bedrock_alerts.invocation_logging.custom_resource import answer, response_url
from bedrock_alerts.invocation_logging.logging_state import Tools
from bedrock_alerts.invocation_logging.retry import Patience
from bedrock_alerts.invocation_logging.serve import serve
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.logging_settings import ConfigureLoggingSettings


class App(NamedTuple):
    """The parts of this function."""

    tools: Tools
    responder: Responder
    logger: Logger


@cache
def _app() -> App:
    settings = load(ConfigureLoggingSettings)
    return App(
        tools=Tools(BedrockLogging(), ParameterMemory(), LogGroups()),
        responder=Responder(allow_loopback=settings.allow_loopback_webhooks),
        logger=make_logger("configure-logging"),
    )


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one request and send the response, even after a failure.

    Raises if the response cannot be sent: Lambda then repeats the request, which is idempotent.
    """
    app = _app()
    url = response_url(event)
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000)
    outcome = serve(event, app.tools, patience)
    log = app.logger.info if outcome.succeeded else app.logger.error
    log(outcome.says, request=str(event.get("RequestType")), exc_info=outcome.error)
    patience.insist(lambda: app.responder.put(url, answer(event, outcome)), keep=0)
