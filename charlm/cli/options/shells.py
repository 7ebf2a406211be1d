"""Completion scripts for bash, zsh and fish. Those of click are not enough.

In bash and zsh, click's scripts show files or names, not both. They complete neither ``--set KEY=VALUE`` nor
``--encoding=NAME`` (three words for bash) in any shell, and they put a space after ``KEY=``.
"""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from charlm.cli import hoisted

_BASH = """\
%(complete_func)s() {
    local kind value files=
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value"); [[ $value != *= ]] || compopt -o nospace ;;
            dir) compopt -o dirnames ;;
            file) files=1 ;;
        esac
    done < <(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    if [[ $files && ${#COMPREPLY[@]} -gt 0 ]]; then
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$2")
        compopt -o filenames
    elif [[ $files ]]; then
        compopt -o default
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response names described keys
    local kind value about
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
%(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    compset -P '*='
    for kind value about in ${response}; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $value == *= ]]; then keys+=("$value:$about")
                elif [[ $about == _ ]]; then names+=("$value")
                else described+=("$value:$about")
                fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#names )) && compadd -U -V unsorted -a names
    (( $#keys )) && _describe -V unsorted keys -U -S ''
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l response (COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -ct) \\
%(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
    for item in $response
        set -l parts (string split -m 1 "," -- $item)
        switch $parts[1]
            case plain
                echo $parts[2]
            case dir
                __fish_complete_directories $parts[2]
            case file
                set -l before (string match -r '^.*=' -- $parts[2]; or echo '')
                for path in (__fish_complete_path (string replace -r '^.*=' '' -- $parts[2]))
                    echo $before$path
                end
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Shell(ShellComplete):
    """Completes whole words, such as ``--set=model.cell=gru``."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        # the word after --threads is its number, not the command
        words = args[-1:] if args[-1:] == ["--threads"] else hoisted(args)
        completions = super().get_completions(words, incomplete)
        dashed = incomplete.startswith("-")
        if dashed and not completions:  # the global options may come after the command too
            completions = self.cli.shell_complete(click.Context(self.cli), incomplete)
        if dashed and "=" in incomplete:  # click completes the text after the first =
            option = incomplete.partition("=")[0]
            for item in completions:
                item.value = f"{option}={item.value}"
        return completions


class _Split(_Shell):
    """Completes the text after the last ``=`` of a word: for the shell a new word begins there."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        completions = super().get_completions(args, incomplete)
        typed = incomplete.rfind("=") + 1
        for item in completions:
            item.value = item.value[typed:]
        return completions


@add_completion_class
class Bash(_Split, BashComplete):
    """Reads the whole line, because bash cuts its words at ``=`` and ``:``."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        incomplete = "" if not words or line[-1].isspace() else words.pop()
        return words, incomplete


@add_completion_class
class Zsh(_Split, ZshComplete):
    """Like click's, with names beside files, and without a space after ``KEY=``."""

    source_template = _ZSH


@add_completion_class
class Fish(_Shell, FishComplete):
    """Like click's class, and also completes paths after ``=``."""

    source_template = _FISH
