from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from lamella.cli import admin, main
from lamella.cli.main import COMMANDS, cli
from lamella.cli.text import percent_text, seconds_text, size_text


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="lamella")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    if name != "admin":
        assert f"    lamella {name}" in result.output


@pytest.mark.parametrize("name", ["usage", "compact", "scrub", "gc", "reindex", "cache-merge"])
def test_every_admin_command_teaches_with_an_example(name: str) -> None:
    assert f"    lamella admin {name}" in run("admin", name, "--help").output


def test_the_list_of_admin_commands_cuts_no_sentence_off() -> None:
    listed = run("admin", "--help").output.partition("Commands:")[2].strip().splitlines()
    assert len(listed) == len(admin.command.commands)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_every_option_is_explained() -> None:
    commands = [cli.get_command(click.Context(cli), name) for name in COMMANDS]
    for command in [*commands, *admin.command.commands.values()]:
        assert command is not None
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), (command, parameter)


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    code = (
        "import sys\n"
        "from lamella.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(sorted(name for name in sys.modules if name in {'grpc', 'lamella._core', 'rich', 'lmdb', 'google'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_the_modules_of_commands_and_the_table_agree() -> None:
    folder = Path(main.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text()}
    assert modules == set(COMMANDS)


def test_the_version_is_told_for_people_and_programs() -> None:
    number = json.loads(run("version", "--json").output)["version"]
    assert run("version").output == run("--version").output == f"lamella {number}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown"], "No such command"),
        (["build", "--server", "nowhere"], "not HOST:PORT"),
        (["build", "--scope", "Upper/case"], "scope tenant is not valid"),
        (["build", "--scope", "default/team/app"], "scope project is not valid: 'team/app' (a-z and 0-9"),
        (["build", "--scope", "default/app@#1"], "scope ref is not valid: '#1' (a letter or digit"),
        (["build", "--platform", "linux"], "not a platform"),
        (["build", "--output", "type=docker,dest=x"], "type=oci"),
        (["build", "--build-arg", "=x"], "NAME=VALUE"),
        (["build", "--build-context", "x"], "NAME=oci-layout://PATH"),
        (["build", "--build-context", "x=docker-image://y"], "oci-layout://PATH"),
        (["pull", "md5:0", "-o", "x"], "not a digest"),
        (["push", "/nowhere"], "does not exist"),
        (["stats", "--by", "colour"], "none of project"),
        (["stats", "--since", "yesterday"], "not an age"),
        (["serve", "--workers", "0"], "0 is not in the range"),
        (["serve", "--cold-after", "soon"], "'soon' is not an age such as 30m, 24h, 7d or 2w, or off"),
        (["serve", "--warm-after", "often"], "'often' is neither a whole number from 1 on nor off"),
        (["serve", "--warm-after", "0"], "'0' is neither a whole number from 1 on nor off"),
        (["build", "/nowhere"], "does not exist"),
        (["resolve", "--file", "/nowhere"], "does not exist"),
        (["serve", "--listen", "8970"], "not HOST:PORT"),
    ],
)
def test_wrong_usage_ends_with_two_and_says_what_is_wrong(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Usage: lamella" in result.output


def test_an_expected_error_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    result = run("build", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == f"lamella: there is no Dockerfile in {tmp_path}; name another one with --file\n"


def test_what_the_system_says_of_a_file_begins_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "oci-layout").touch()
    result = run("push", str(tmp_path))
    assert (result.exit_code, result.stderr) == (1, f"lamella: {tmp_path}/blobs/sha256: No such file or directory\n")


def test_a_server_without_a_name_is_unreachable_and_what_to_do_is_said() -> None:
    result = run("stats", "--server", "nowhere.invalid:1")
    assert result.exit_code == 3
    assert result.stderr.startswith("lamella: no server answers at nowhere.invalid:1 (")
    assert result.stderr.endswith(
        "); start one with `lamella serve`, or set LAMELLA_SERVER or --server to the one to use\n"
    )
    assert "]" not in result.stderr


def test_only_blobs_of_a_layout_must_be_what_they_are_called(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (tmp_path / "oci-layout").touch()
    (blobs / ".tmp-unfinished").touch()
    (blobs / "notes.txt").touch()
    assert run("push", str(tmp_path)).stderr == (
        f"lamella: {tmp_path}: 'notes.txt' in blobs/sha256 is not the name of a blob\n"
    )
    (blobs / "notes.txt").rename(blobs / ("0" * 64))
    assert "expected sha256:0000" in run("push", str(tmp_path)).stderr
    assert run("push", str(blobs / ("0" * 64)), "--server", "127.0.0.1:1").exit_code == 3


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("lamella.builder.request.plan_build", broken)
    (tmp_path / "Dockerfile").touch()
    assert isinstance(run("resolve", str(tmp_path)).exception, ValueError)


def test_an_interrupt_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lamella.builder.request.plan_build", interrupted)
    (tmp_path / "Dockerfile").touch()
    result = run("resolve", str(tmp_path))
    assert (result.exit_code, result.stderr) == (130, "lamella: interrupted\n")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (0.9996, "1.0 s"),
        (3.44, "3.4 s"),
        (59.97, "1 min 0 s"),
        (125, "2 min 5 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_shares() -> None:
    assert (percent_text(3, 4), percent_text(0, 0)) == ("75 %", "-")
