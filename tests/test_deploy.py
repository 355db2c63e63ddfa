"""What is offered for running it elsewhere fits the product: commands, settings, files, paths."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bot.__main__ import app
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
SETTINGS = {name.upper() for name in Settings.model_fields}
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OURS = {
    name: service for name, service in COMPOSE["services"].items() if service["image"] == "hesbot"
}
IMAGE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
OF_PYTHON = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def is_command(words: list[str]) -> bool:
    """Whether there is such a `hesbot …`."""
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def settings_in(text: str) -> dict[str, str]:
    """The lines NAME=value of a text."""
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def instructions(word: str) -> list[str]:
    """What stands behind a word of the Dockerfile, each time."""
    return re.findall(rf"^\s*{word} (.*)$", IMAGE, re.MULTILINE)


# --- containers -----------------------------------------------------------------------------------


def test_two_web_and_two_worker_processes_follow_one_upgrade() -> None:
    commands = {name: service["command"] for name, service in OURS.items()}
    assert commands == {
        "migrate": ["db", "upgrade"],
        "web-1": ["web"],
        "web-2": ["web"],
        "worker-1": ["worker"],
        "worker-2": ["worker"],
    }
    assert all(is_command(words) for words in commands.values())
    for name in commands.keys() - {"migrate"}:
        assert OURS[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }
    assert OURS["migrate"]["restart"] == "no"


def test_ours_may_do_nothing_but_their_work() -> None:
    """Neither write outside their home nor gain rights; and they are given time to stop."""
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["stop_grace_period"] == "15s"


def test_what_compose_names_is_there() -> None:
    """Networks, volumes, secrets, and files but for those that hold secrets."""
    secret = (DEPLOY / ".gitignore").read_text("utf-8").split()
    for service in COMPOSE["services"].values():
        assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists()
        if name := service.get("env_file"):
            assert name in secret
            assert (DEPLOY / f"{name}.example").exists()
    assert all(each["file"].startswith("./secrets/") for each in COMPOSE["secrets"].values())
    assert "secrets/" in secret


def test_the_database_is_not_reached_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert COMPOSE["services"]["postgres"]["networks"] == ["inside"]
    assert "ports" not in COMPOSE["services"]["postgres"]
    assert [name for name, each in COMPOSE["services"].items() if "ports" in each] == ["proxy"]


def test_settings_that_are_set_exist() -> None:
    """In compose, in the image, in the units and in the example."""
    example = settings_in((DEPLOY / "hesbot.env.example").read_text("utf-8"))
    image = {pair.split("=")[0] for line in instructions("ENV") for pair in line.split()}
    units = {
        name
        for unit in UNITS
        for name in re.findall(r"^Environment=(\w+)=", unit.read_text("utf-8"), re.MULTILINE)
    }
    compose = {name for service in OURS.values() for name in service["environment"]}
    assert (example.keys() | image | units | compose) - OF_PYTHON - SETTINGS == set()
    assert "HESBOT_NOW" not in example


def test_the_example_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filled in or not, no line of it stops the product."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings_in((DEPLOY / "hesbot.env.example").read_text("utf-8")).items():
        monkeypatch.setenv(name, value)
    assert Settings().public_url == "https://bot.example.com"


def test_the_image_runs_as_nobody_of_importance() -> None:
    """By a user of its own, told to stop gently, looked after, and without what built it."""
    build, run = IMAGE.split("\nFROM ")[1:]
    assert "USER hesbot" in run
    assert "STOPSIGNAL SIGTERM" in run
    assert "/healthz" in instructions("HEALTHCHECK")[0]
    assert "pip install" in build
    assert "--constraint constraints.txt" in build
    assert "uninstall" in build
    assert "pip install" not in run
    assert instructions("ENTRYPOINT") == ['["hesbot"]']
    assert is_command(yaml.safe_load(instructions("CMD")[-1]))


def test_the_image_is_made_of_files_that_are_there() -> None:
    """Nothing else is sent to the builder, least of all a home with keys."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").split("\n")
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        word
        for line in instructions("COPY")
        if not line.startswith("--from")
        for word in line.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
    assert "*" in ignored


def test_no_register_of_images_is_named() -> None:
    """Where images come from is the operator's choice."""
    images = [each["image"] for each in COMPOSE["services"].values()]
    images.append(re.findall(r"^ARG PYTHON=(.*)$", IMAGE, re.MULTILINE)[0])
    assert [image for image in images if "/" in image] == []


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_there_is(unit: Path) -> None:
    text = unit.read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=/opt/hesbot/bin/hesbot (.*)$", text, re.MULTILINE)
    assert is_command(line.split())
    assert "TimeoutStopSec=15" in text
    assert "NoNewPrivileges=yes" in text


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze, which reads the units, is not on this machine",
)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    """But for the program, which is not installed here."""
    instance = tmp_path / unit.name.replace("@", "@8081")
    instance.write_text(unit.read_text("utf-8").replace("/opt/hesbot/bin/hesbot", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(instance)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "8081" in line]) == (
        0,
        [],
    )


# --- the proxy ------------------------------------------------------------------------------------


def test_the_proxy_is_believed_and_does_not_reach_the_database() -> None:
    """Without it nobody could be told from anybody else by where they come from."""
    (shared,) = COMPOSE["services"]["proxy"]["networks"]
    assert shared not in COMPOSE["services"]["postgres"]["networks"]
    (addresses,) = COMPOSE["networks"][shared]["ipam"]["config"]
    for service in OURS.values():
        assert shared in service["networks"]
        believed = service["environment"]["TRUSTED_PROXIES"]
        assert believed == addresses["subnet"] == Settings(trusted_proxies=believed).trusted_proxies


def test_the_proxy_lets_through_what_the_manual_says() -> None:
    """The same paths; all of the console to one process."""
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    paths = {path for line in re.findall(r"\bpath (.*)", text) for path in line.split()}
    manual = (ROOT / "docs" / "operations.md").read_text("utf-8")
    (said,) = re.findall(r"let only (.*?)\s+through", manual, re.DOTALL)
    world = set(re.findall(r"`([^`]+)`", said))
    assert {path.removesuffix("*") for path in paths} == world | {
        "/api/",
        "/console",
        "/console/",
    }
    assert text.count("{") == text.count("}")
    (staff,) = re.findall(r"handle @staff \{\s+reverse_proxy (.*)", text)
    assert staff.split() == ["web-1:8080"]
    assert set(re.findall(r"web-\d", text)) == {name for name in OURS if name.startswith("web")}
    given = settings_in((DEPLOY / "proxy.env.example").read_text("utf-8"))
    assert set(re.findall(r"\{\$(\w+)\}", text)) == given.keys()
