"""A browser shows all of the report, on light and dark screens of any width."""

import json
import re
import shutil
import subprocess

import pytest

from tests.support.run_jobs import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = "--disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-gpu"
SCRIPT = ROOT / "tests" / "programs" / "measure_page.js"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_it_all(reported, tmp_path, scheme, width):
    """Nothing is wider than the screen, every picture is drawn, and the paper has the colour that was asked for."""
    frame = f'<iframe src="{(reported[-1] / "report.html").as_uri()}" style="width:{width}px;height:900px;border:0">'
    (tmp_path / "frame.html").write_text(
        f'<body style="margin:0"><script>{SCRIPT.read_text()}</script>{frame}</iframe></body>'
    )
    scheme_number = {"dark": 0, "light": 1}[scheme]
    command = [CHROMIUM, "--headless", "--no-sandbox", *QUIET.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--allow-file-access-from-files", f"--blink-settings=preferredColorScheme={scheme_number}"]
    command += [f"--window-size={max(width, 500)},900", "--dump-dom", (tmp_path / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(re.search(r"\{.*?\}", done.stdout)[0])
    assert found["images"] > 6
    assert found["drawn"] == found["images"]
    assert found["wide"] <= width
    assert found["beyond"] == 0
    assert found["paper"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme]
