"""The command line for people: colours, tables of the terminal's width, signs of life, examples, completion."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time

import pytest

from meanap import cli, generate
from meanap.cli import main, terminal

COMMANDS = tuple(cli.COMMANDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminal")
    for words in ("--images 10 .", "--format yolo --images 5 yolo", "--format trec --images 5 ."):
        command = [sys.executable, "-m", "meanap", "generate", *words.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


def on_terminal(command, folder, columns=80, **variables):
    """What a command writes to a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "meanap", *command], cwd=folder, stdin=follower, stdout=follower, stderr=follower,
        env={**environment, "TERM": "xterm", **variables},
    )  # fmt: skip
    os.close(follower)
    written = b""
    # The end of a terminal is an error.
    with contextlib.suppress(OSError):
        while piece := os.read(leader, 65536):
            written += piece
    os.close(leader)
    # Without the line that shows, on a slow machine, that the command is running.
    text = re.sub(r"\r\x1b\[K[^\r]*(?=\r)", "", written.decode().replace("\r\n", "\n"))
    return process.wait(60), text.replace("\r\x1b[K", "")


GATE = ["eval", "instances.json", "boxes.json", "--quiet", "--resamples", "10", "--fail-under"]


def test_colours_are_for_terminals_that_want_them(folder, monkeypatch, capsys):
    code, text = on_terminal([*GATE, "ap=0.01"], folder)
    assert code == 0 and text.startswith("\x1b[32mPASS\x1b[0m  ap ")
    code, text = on_terminal([*GATE, "ap=0.99"], folder)
    assert code == 3 and text.startswith("\x1b[31mFAIL\x1b[0m  ap ")
    assert on_terminal(["eval", "no.json", "no.json"], folder)[1].startswith("\x1b[31mmeanap\x1b[0m: no.json")
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert on_terminal([*GATE, "ap=0.01"], folder, **variables)[1].startswith("PASS  ap ")
    monkeypatch.chdir(folder)
    assert main([*GATE, "ap=0.01"]) == 0
    assert "\x1b" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("columns", [30, 48, 70, 200])
def test_tables_fit_the_terminal(folder, columns):
    _, text = on_terminal(["compare", "instances.json", "old.json", "boxes.json", "--per-class", "--resamples", "5"],
                          folder, columns)  # fmt: skip
    rows = [line for line in text.splitlines() if line and not line.startswith(("PASS", "FAIL", "\x1b"))]
    assert max(map(len, rows)) <= columns
    # Nothing is left out.
    assert all(any(head in row for row in rows) for head in ("baseline", "candidate", "difference", "low", "high"))


def test_a_pipe_gets_whole_names(folder):
    cells = [["", "AP"], ["a name of a class that is far longer than a narrow terminal is wide", "0.5"]]
    assert cells[1][0] in terminal.columns(cells)
    (cut,) = terminal._fitting(cells, 30)
    assert cut[1][0].endswith("…") and len(cut[1][0]) + 2 + 3 == 30


class Stream(io.StringIO):
    def isatty(self):
        return True


def test_silent_work_shows_that_it_is_running_and_takes_the_line_away(monkeypatch):
    stream, out = Stream(), io.StringIO()
    monkeypatch.setattr(terminal, "_SILENCE", 0.05)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", out)
    with terminal.streams("check"):
        time.sleep(0.4)
        print("done")
    assert "meanap check: 0 s" in stream.getvalue() and stream.getvalue().endswith(terminal._ERASE)
    assert out.getvalue() == "done\n"
    stream.truncate(0)
    # Progress has the line until it ends.
    with terminal.streams("eval"):
        print("\reval: 50%, 1 s to go ", end="", file=sys.stderr)
        time.sleep(0.3)
    assert stream.getvalue().strip("\0") == "\reval: 50%, 1 s to go "
    stream.truncate(0)
    with terminal.streams("eval", quiet=True):
        time.sleep(0.3)
    assert stream.getvalue() == ""


def test_pipes_get_no_sign_of_life(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(terminal, "_SILENCE", 0.05)
    monkeypatch.setattr(sys, "stderr", stream)
    with terminal.streams("check"):
        time.sleep(0.3)
    assert stream.getvalue() == ""


TABLES = {
    "eval": "eval instances.json boxes.json",
    "eval --per-class": "eval instances.json boxes.json --per-class",
    "check": "check instances.json boxes.json",
    "compare": "compare instances.json old.json boxes.json --resamples 5",
    "compare --per-class": "compare instances.json old.json boxes.json --resamples 5 --per-class",
    "stats": "stats instances.json",
    "rank": "rank judged.qrels first.run second.run -m map -m ndcg@10",
    "rank --per-query": "rank judged.qrels first.run --per-query",
}


@pytest.mark.parametrize("line", TABLES.values(), ids=TABLES)
def test_tables_in_every_format(folder, monkeypatch, capsys, line):
    monkeypatch.chdir(folder)
    written = {}
    for form in ("json", "csv", "markdown", "latex"):
        assert main([*line.split(), "--output-format", form]) == 0
        written[form] = capsys.readouterr().out
    rows = json.loads(written["json"])
    table = list(csv.DictReader(io.StringIO(written["csv"])))
    assert len(rows) == len(table) == written["markdown"].count("\n") - 2 == written["latex"].count(r"\\") - 1 > 0
    for row, cells in zip(rows, table, strict=True):
        assert list(row) == list(cells)
        for name, value in row.items():
            if isinstance(value, float):
                assert float(cells[name]) == value
    assert written["latex"].startswith(r"\begin{tabular}")


def test_every_command_with_numbers_writes_formats(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = capsys.readouterr().out
        assert ("--output-format" in text) == ("--json" in text), command


def test_standard_output_is_not_shared(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(["stats", "instances.json", "--json", "-", "--output-format", "csv"]) == 2
    assert main([*GATE, "ap=0.99", "--output-format", "csv"]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("number,value\n") and err.splitlines()[-1].startswith("FAIL  ap")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples_that_run(folder, tmp_path, monkeypatch, capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    examples = [line[2:] for line in text[text.index("\nexamples:\n") :].splitlines()[2:]]
    assert examples and all(re.search(rf"\bmeanap {command}\b", line) for line in examples)
    if command in ("semantic", "panoptic", "completion", "demo"):
        return  # files that nothing generates, other programs of the shell, or much data
    place = tmp_path / "files"
    shutil.copytree(folder, place)
    monkeypatch.chdir(place)
    for line in examples:
        assert main(shlex.split(line)[1:]) == 0, line


def test_meanap_alone_says_where_to_begin(folder, tmp_path, monkeypatch, capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    commands = re.findall(r"^  (meanap .*?)(?:   .*)?$", text, re.MULTILINE)
    assert commands[0] == "meanap demo" and len(commands) == 6 and len(max(text.splitlines(), key=len)) <= 100
    monkeypatch.chdir(tmp_path)
    for line in commands[1:]:
        options = {"generate": ["--images", "5"], "compare": ["--resamples", "5"], "report": ["--resamples", "5"]}
        assert main([*line.split()[1:], *options.get(line.split()[1], [])]) == 0, line


def completed(words, script):
    bash = shutil.which("bash")
    state = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}"
    program = f'source {script}; {state}; _meanap; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run([bash, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    assert completed(["meanap", ""], script) == [*COMMANDS, "--help", "--version"]
    assert completed(["meanap", "eval", "--simi"], script) == ["--similarity"]
    assert "keypoints" in completed(["meanap", "eval", "--similarity", ""], script)
    assert completed(["meanap", "rank", "--protocol", "trec_"], script) == ["trec_eval", "trec_eval-10"]
    assert completed(["meanap", "completion", ""], script)[:3] == ["bash", "zsh", "fish"]
    (tmp_path / "instances.json").write_text("")
    assert completed(["meanap", "eval", str(tmp_path / "inst")], script) == [str(tmp_path / "instances.json")]


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_scripts_of_all_shells_are_valid_and_name_every_option(tmp_path, capsys, shell, check):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        for option in set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", capsys.readouterr().out.split("\nexamples:")[0])):
            assert f"--{option}" in script or f"-l {option}" in script, (command, option)
    if program := shutil.which(shell):
        path = tmp_path / "script"
        path.write_text(script)
        done = subprocess.run([program, *check, str(path)], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
    assert generate.FORMATS[0] in script
