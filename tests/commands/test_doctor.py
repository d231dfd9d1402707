import json

from guide import diagnosis
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
