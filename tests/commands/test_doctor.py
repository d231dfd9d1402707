import json

import pytest

from guide.commands import diagnosis
from guide.errors import ModelError


def test_a_sound_installation_is_said_to_be_sound(cli):
    result = cli("doctor", "--json")
    assert result.exit_code == 0
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert "53aa51172d142c89" in checks["encoder"]["detail"]
    assert "ICLR 2017-2024" in checks["engine student"]["detail"]
    assert "papers" in checks["starter store"]["detail"]


def test_a_missing_extra_is_absent_with_the_command_that_installs_it(cli, monkeypatch):
    monkeypatch.setattr(diagnosis, "_PACKAGES", {"web": ("not-there",)})
    result = cli("doctor")
    assert "absent   package not-there: not installed" in result.output
    assert "pip install 'guide-advisor[web]'" in result.output


def test_broken_weights_are_found_and_the_status_says_so(cli, monkeypatch):
    def fail():
        raise ModelError("the student cannot be read", fix="Reinstall guide.")

    monkeypatch.setattr(diagnosis, "_look_at_student", fail)
    result = cli("doctor")
    assert result.exit_code == 1
    assert "broken   engine student: the student cannot be read" in result.output
    assert "Reinstall guide." in result.output


@pytest.fixture
def model_folder(tmp_path):
    transformers = pytest.importorskip("transformers", reason="torch is not installed: make test-all brings it")
    config = transformers.Qwen2Config(
        hidden_size=1536, num_attention_heads=12, num_key_value_heads=2, num_hidden_layers=28, dtype="bfloat16"
    )
    config.save_pretrained(tmp_path)
    return tmp_path


def test_a_plan_says_how_many_runs_fit_and_looks_at_nothing_else(cli, model_folder, monkeypatch):
    monkeypatch.setattr(diagnosis, "diagnose", lambda: pytest.fail("the installation was looked at"))
    result = cli("doctor", "--plan", model_folder, "--memory", "8GiB", "--prompt-tokens", "4000", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["cache"]["bytes_per_token"] == 28 * 1024
    shared, copied = found["shared_prompt"], found["copied_prompt"]
    assert (shared["runs"], shared["thinking_tokens"], shared["batch"]) == (8, 8192, 4)
    assert (copied["runs"], copied["thinking_tokens"], copied["batch"]) == (8, 8192, 3)
    assert shared["bytes_used"] == 4 * (4000 + 8 * 8192) * 28 * 1024
    assert len(shared["alternatives"]) == 20


def test_a_plan_is_printed_with_its_alternatives(cli, model_folder):
    result = cli("doctor", "--plan", model_folder, "--memory", "1GiB")
    assert result.exit_code == 0
    assert "28,672 bytes of cache a token (28 layers, 2 key heads of 128, bfloat16)" in result.stdout
    assert "1.00 GiB for the cache, prompts of 4,096 tokens" in result.stdout
    assert "vLLM: runs share a prompt              8     4,096          1" in result.stdout
    assert "     8       4       3       1       1       0\n" in result.stdout


def test_a_plan_that_cannot_be_made_is_refused_with_the_reason(cli, model_folder, tmp_path):
    for arguments, complaint in (
        (("--plan", model_folder, "--memory", "lots"), "'lots' is no size"),
        (("--plan", model_folder, "--memory", "1MiB"), "do not hold one run"),
        (("--plan", tmp_path / "none", "--memory", "1GiB"), "no such folder"),
        (("--plan", model_folder), "--plan needs --memory"),
        (("--memory", "1GiB"), "--memory needs --plan"),
        (("--plan", model_folder, "--memory", "1GiB", "--prompt-tokens", "0"), "--prompt-tokens"),
    ):
        result = cli("doctor", *arguments)
        assert result.exit_code == 2
        assert complaint in result.stderr
