"""`meanap completion`: scripts that complete commands, options and their values in a shell."""

from __future__ import annotations

import argparse
import importlib
from typing import NamedTuple

from meanap.cli import groups


class _Parser(argparse.ArgumentParser):
    """A parser that lists what was added to it."""

    @property
    def actions(self) -> list[argparse.Action]:
        return list(self._actions)


class _Option(NamedTuple):
    """An option of a command: its names, the values it may have, whether it takes one, and its help."""

    names: tuple[str, ...]
    choices: tuple[str, ...]
    takes_value: bool
    is_path: bool
    help: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Write a script to standard output that completes commands, options, their values and files. Put it where "
        "the shell finds it, or evaluate it in the shell's start file."
    )
    parser.add_argument("shell", choices=tuple(_WRITERS))
    parser.epilog = groups.examples(
        'eval "$(meanap completion bash)"',
        "meanap completion zsh > ~/.zfunc/_meanap",
        "meanap completion fish > ~/.config/fish/completions/meanap.fish",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the script."""
    print(_WRITERS[options.shell](_commands()))


def _commands() -> dict[str, tuple[str, list[_Option]]]:
    """The line of help and the options of each command, read from the parsers."""
    from meanap import cli, ranking
    from meanap.protocol import PRESETS
    from meanap.readers import READERS

    formats = tuple(dict.fromkeys(reader.name for reader in READERS))
    found = {}
    for name, (module, summary) in cli.COMMANDS.items():
        parser = _Parser(prog=f"meanap {name}")
        importlib.import_module(f"meanap.cli.{module}").add_arguments(parser)
        # What these options take is checked later than the parser does.
        known = {"protocol": tuple(ranking.PRESETS if name == "rank" else PRESETS), "format": formats}
        found[name] = (summary, [_option(action, known) for action in parser.actions if _is_shown(action)])
    return found


def _is_shown(action: argparse.Action) -> bool:
    return action.help != argparse.SUPPRESS and bool(action.option_strings or action.choices)


def _option(action: argparse.Action, known: dict[str, tuple[str, ...]]) -> _Option:
    text = (action.help or "").replace("%%", "%")
    choices = tuple(map(str, action.choices or known.get(action.dest, ())))
    is_path = action.type in (groups.path, groups.output_path) or action.dest in ("json", "names")
    return _Option(tuple(action.option_strings), choices, action.nargs != 0, is_path, text)


def _bash(commands: dict[str, tuple[str, list[_Option]]]) -> str:
    cases, values = [], []
    for command, (_, options) in commands.items():
        words = " ".join(name for option in options for name in option.names)
        free = " ".join(choice for option in options if not option.names for choice in option.choices)
        cases.append(f"    {command}) options='{words}'; free='{free}' ;;")
        for option in options:
            if option.names and option.takes_value:
                keys = "|".join(f"{command}:{name}" for name in option.names)
                values.append(f"    {keys}) {_bash_values(option)}; return ;;")
    lines = "\n".join
    return f"""\
# Completion of meanap for bash: eval "$(meanap completion bash)"
_meanap() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} options free
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{" ".join(commands)} --help --version' -- "$word"))
    return
  fi
  case "$command:$before" in
{lines(values)}
  esac
  case "$command" in
{lines(cases)}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$free" -- "$word") $(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -o bashdefault -F _meanap meanap"""


def _bash_values(option: _Option) -> str:
    if option.choices:
        return f"COMPREPLY=($(compgen -W '{' '.join(option.choices)}' -- \"$word\"))"
    return 'COMPREPLY=($(compgen -f -- "$word"))' if option.is_path else "COMPREPLY=()"


def _zsh(commands: dict[str, tuple[str, list[_Option]]]) -> str:
    described = "\n".join(f"    {_quoted(f'{name}:{summary}')}" for name, (summary, _) in commands.items())
    cases = []
    for name, (_, options) in commands.items():
        specifications = [text for option in options for text in _zsh_options(option)]
        cases.append(f"    {name}) _arguments -S {' '.join(specifications)} '*:file:_files' ;;")
    return f"""\
#compdef meanap
# Completion of meanap for zsh: put it into a folder of $fpath as _meanap
_meanap() {{
  local -a commands; commands=(
{described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands; return
  fi
  local command=$words[2]
  shift words; (( CURRENT-- ))
  case $command in
{chr(10).join(cases)}
  esac
}}
if [ "$funcstack[1]" = _meanap ]; then _meanap "$@"; else compdef _meanap meanap; fi"""


def _zsh_options(option: _Option) -> list[str]:
    choices = f"({' '.join(option.choices)})"
    if not option.names:
        return [_quoted(f"1:value:{choices}")]
    text = option.help.replace("[", "(").replace("]", ")").replace(":", "\\:")
    action = choices if option.choices else ("_files" if option.is_path else " ")
    value = f":value:{action}" if option.takes_value else ""
    return [_quoted(f"{name}[{text}]{value}") for name in option.names]


def _fish(commands: dict[str, tuple[str, list[_Option]]]) -> str:
    lines = ["# Completion of meanap for fish", "complete -c meanap -n __fish_use_subcommand -f"]
    for name, (summary, options) in commands.items():
        lines.append(f"complete -c meanap -n __fish_use_subcommand -a {name} -d {_quoted(summary)}")
        for option in options:
            condition = _quoted(f"__fish_seen_subcommand_from {name}")
            line = f"complete -c meanap -n {condition}"
            for word in option.names:
                line += f" -l {word[2:]}" if word.startswith("--") else f" -s {word[1:]}"
            if option.choices:
                line += f" {'-x' if option.names else '-f'} -a {_quoted(' '.join(option.choices))}"
            elif option.takes_value:
                line += " -r" + ("" if option.is_path else " -f")
            lines.append(f"{line} -d {_quoted(option.help)}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_WRITERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
