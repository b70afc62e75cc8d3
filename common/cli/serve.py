"""The command `serve`: saved models over HTTP."""

import sys

from common import program
from common.errors import InputError, shown
from common.options.serving import ServeOptions

DEFAULT = ServeOptions()


def serve(options: ServeOptions = DEFAULT) -> None:
    """Serve saved models over HTTP, with the REST protocol of TensorFlow Serving, until Ctrl-C or SIGTERM."""
    from common.serving.http.catalogue import Catalogue
    from common.serving.http.listening import listen

    catalogue = Catalogue(options.output, options.model)
    if not catalogue.newest():
        raise InputError(
            f"--output {options.output}: no saved models there; train one first, "
            f"{program.command('sentiment', '--output', str(options.output))}, or name one with --model NAME=PATH"
        )
    with listen(options.host, options.port) as listening:
        from common.cli.imports import import_tensorflow

        import_tensorflow()
        from common.serving.http import server

        server.serve(options, catalogue=catalogue, listening=listening, say=_say)


def _say(line: str) -> None:
    print(shown(line), file=sys.stderr, flush=True)
