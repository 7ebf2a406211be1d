"""The command line: ``commands/`` declares each command, a module of its name beside it does the work.

Commands call the packages below and print. Results go to stdout, all other text to stderr. An
expected error is one message and exit code 2 (wrong usage or input) or 1 (a run that failed),
never a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from contextvars import copy_context
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlm import __version__
from charlm.cli.terminal.streams import settled
from charlm.errors import CharlmError, ReaderGoneError
from charlm.files import seen, why_unreadable
from charlm.threads import thread_count, use_threads

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP = """\
Train character-level RNN language models, generate text with them and compare them.

`charlm train` alone trains the model of DyNet's RNN tutorial in about a second.
"""
COMMANDS = {
    "train": "Train a model on a text; without a text, the tutorial's model on its sentence.",
    "sample": "Generate text with a trained model.",
    "compare": "Train several models on one text and say which learns fastest.",
    "search": "Search for better settings with short trainings.",
    "eval": "Score a text with a trained model.",
    "score": "Score each line, or each character, of a text.",
    "inspect": "Find units that follow something in a text, and color the text by a unit.",
    "explain": "Show how far back a model looks, and what a prediction depends on.",
    "novelty": "Show what a model has copied from its training text.",
    "compress": "Compress a file with a trained model.",
    "decompress": "Restore a compressed file.",
    "export": "Write a model as a file for other programs.",
    "import": "Make a run of a model that another program has trained.",
    "baseline": "Score a text with n-grams and xz, for comparison.",
    "info": "Show details of a run or a text.",
    "bench": "Measure how fast a model trains and samples on this machine.",
    "gradcheck": "Check the gradients of a config's model against central differences.",
    "plot": "Plot the curves of runs, or show a running training as a page.",
    "report": "Write a report about runs: one HTML file.",
    "runs": "List runs and their status, or follow one run.",
    "help": "Show the help of a command.",
}
DEFAULT_THREADS = {"compare": 1}
"""Its models are small. On two busy cores, srnn-vs-lstm-memory took 3.4 s with one thread, and 32 s
with two threads, which wait for each other."""
COMPLETION = "_CHARLM_COMPLETE"
"""The environment variable with which a shell asks for completions."""
GLOBAL_FLAGS = ("-q", "--quiet", "-v", "--verbose", "--debug")


class _LazyGroup(click.Group):
    """A group that has the names and summaries of its commands, and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"charlm.cli.commands.{file}")
        name = f"{file}_" if cmd_name in ("eval", "help") else file  # Python has these names
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        commands = [
            (name, about) for name, about in COMMANDS.items() if name.startswith(incomplete)
        ]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=about) for name, about in commands] + options

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # before the command is imported, which may import numpy
        asked, default = ctx.params.get("threads"), DEFAULT_THREADS.get(args[0])
        if asked or default:
            use_threads(thread_count(asked, default))
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(
                f"{error.message} The commands are {', '.join(COMMANDS)}.", ctx
            ) from None


@click.group(
    cls=_LazyGroup,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", prog_name="charlm")
@click.option(
    "-q", "--quiet", is_flag=True, help="No messages or progress, only results and errors."
)
@click.option("-v", "--verbose", is_flag=True, help="Print more messages.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="CPU cores to use (default: what suits the work; for compare, 1). The same seed and N give the same run.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, quiet: bool, verbose: bool, threads: int | None, debug: bool) -> None:
    """Store the options that all commands share."""
    from charlm.cli.terminal.screen import Screen

    ctx.obj = {"quiet": quiet, "verbose": verbose, "threads": threads}
    Screen(ctx.obj)  # shows the progress of commands that have no screen of their own


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    arguments = hoisted(sys.argv[1:] if argv is None else argv)
    completes = COMPLETION in os.environ  # for a shell, which click writes bytes to
    if completes:
        importlib.import_module("charlm.cli.options.shells")  # registers them
    with nullcontext() if completes else settled():
        code = copy_context().run(_run, arguments)  # a listener to progress is dropped at its end
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run the command line, print what went wrong, and return the exit code."""
    try:
        result: Any = cli.main(arguments, prog_name="charlm", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        click.echo("charlm: interrupted", err=True)
        return 130
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            from charlm.cli.options.unknown import explained

            error = explained(error, arguments)
        error.show()
        return error.exit_code
    except ReaderGoneError as error:
        return error.exit_code
    except CharlmError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"charlm: {error}", err=True)
        return error.exit_code
    except (OSError, MemoryError) as error:
        if "--debug" in arguments:
            raise
        reason = f"not enough memory: {error}" if isinstance(error, MemoryError) else _reason(error)
        click.echo(f"charlm: {reason}", err=True)
        return 1


def _reason(error: OSError) -> str:
    """Return the message of a system error, with its path relative to the current folder."""
    if error.filename is None:
        return error.strerror or str(error)
    return f"{seen(Path(os.fsdecode(error.filename)))}: {why_unreadable(error)}"


def hoisted(argv: Sequence[str]) -> list[str]:
    """Move the global options, which may be anywhere on the line, to the front.

    Example:
        >>> hoisted(["train", "-q", "novel.txt", "--threads", "1", "--", "-v"])
        ['-q', '--threads', '1', 'train', 'novel.txt', '--', '-v']
    """
    front: list[str] = []
    rest: list[str] = []
    remaining = iter(argv)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument in GLOBAL_FLAGS or argument.startswith("--threads="):
            front.append(argument)
        elif argument == "--threads":
            front += [argument, *[value for value in [next(remaining, None)] if value is not None]]
        else:
            rest.append(argument)
    return front + rest
