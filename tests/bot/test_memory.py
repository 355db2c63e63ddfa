"""What a long-lived process does about garbage."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, gc, os, signal, sys
from pathlib import Path
from bot.app import serve
from bot.settings import Settings

gc.disable()

def announce(settings, names):
    left = len(gc.get_objects())
    print(gc.isenabled(), gc.get_freeze_count() > 50 * left, gc.get_threshold()[0] > 10_000)
    os.kill(os.getpid(), signal.SIGTERM)

settings = Settings(
    hesbot_home=Path(sys.argv[1]),
    port=0,
    telegram_bot_token="123456789:" + 35 * "a",
    telegram_api_base="http://127.0.0.1:9",
    public_url="https://a.example",
)
asyncio.run(serve(settings, announce))
"""


def test_what_a_server_loaded_is_never_looked_through(tmp_path: Path) -> None:
    """Also what the messengers loaded, which is most of it."""
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert said.stdout.split() == ["True", "True", "True"], said.stderr
