"""Metrics of zero, below zero and of a guessed direction, through the commands and real programs."""

import json

from tests.live import Project

GO = """\
[perfgate]
canary = false
[suite.g]
runner = "command"
reads = "go"
[suite.g.benchmarks]
b = "sh run.sh"
[[rule]]
sli = "*:misses-op"
limit = "5%"
"""
PRINTS = """\
printf 'goos: linux\\ngoarch: amd64\\npkg: x\\n'
printf 'BenchmarkA-8 1000 1000 ns/op {misses} misses/op {gain} gain\\nPASS\\n'
"""
OPTIONS = ("--effort", "1s", "--budget", "40s", "--format", "json")


def rows(stdout: str) -> dict[str, tuple[str, str]]:
    """Metric to verdict and text."""
    found = json.loads(stdout)["report"]["judgements"]
    return {row["sli"]["metric"]["name"]: (row["verdict"], row["text"]) for row in found if row["sli"]}


def test_what_was_zero_and_is_not_blocks_and_what_still_is_passes(project: Project) -> None:
    project.commit("base", perfgate_toml=GO, run_sh=PRINTS.format(misses=0, gain=-3.5))
    project.commit("same")
    project.commit("head", run_sh=PRINTS.format(misses=5, gain=-3.5))

    same = project.perfgate("compare", "HEAD~2", "HEAD~1", *OPTIONS)
    worse = project.perfgate("compare", "HEAD~1", "HEAD", *OPTIONS)

    assert same.returncode == 0, same.stderr
    assert rows(same.stdout)["misses-op"] == ("pass", "")
    assert rows(same.stdout)["gain"] == ("pass", "")
    assert worse.returncode == 1, worse.stderr
    assert rows(worse.stdout)["misses-op"][0] == "regression"
    assert rows(worse.stdout)["time"][0] == "pass"
    assert "RuntimeWarning" not in same.stderr + worse.stderr
    assert "nan" not in worse.stdout


def test_halved_frames_a_second_are_a_regression_and_a_guess_is_no_improvement(project: Project) -> None:
    configuration = (
        '[perfgate]\ncanary = false\n[suite.render]\nrunner = "command"\nreads = "custom"\n'
        '[suite.render.benchmarks]\nr = "sh run.sh"\n'
        '[[rule]]\nsli = "render/*:fps"\nlimit = "5%"\n[[rule]]\nsli = "render/*:score"\nbetter = "higher"\n'
    )
    prints = 'echo \'[{{"name":"a","unit":"fps","value":{0}}},{{"name":"a","unit":"score","value":{0}}},'
    prints += '{{"name":"a","unit":"points","value":{0}}}]\'\n'
    project.commit("base", perfgate_toml=configuration, run_sh=prints.format(60))
    project.commit("head", run_sh=prints.format(30))

    done = project.perfgate("compare", "HEAD~1", *OPTIONS)

    found = rows(done.stdout)
    assert done.returncode == 1, done.stderr
    assert (found["fps"][0], found["score"][0], found["points"][0]) == ("regression", "regression", "inconclusive")
    assert "which way is better is a guess" in found["points"][1]


def test_one_value_that_makes_no_sense_fails_its_metric_alone(project: Project) -> None:
    text = "echo benchmark,metric,value; echo m,time,0.5; echo m,loss,{}\n"
    configuration = '[perfgate]\ncanary = false\n[suite.c]\nrunner = "command"\nreads = "csv"\n'
    configuration += '[suite.c.benchmarks]\nb = "sh run.sh"\n'
    project.commit("base", perfgate_toml=configuration, run_sh=text.format(-2.0))
    project.commit("head", run_sh=text.format("nan"))

    done = project.perfgate("compare", "HEAD~1", *OPTIONS)

    found = rows(done.stdout)
    assert found["time"][0] == "pass", done.stdout
    assert found["loss"] == ("failed", "bad-value on head: loss came out as nan")


def test_history_and_the_baseline_see_what_was_zero(project: Project) -> None:
    project.commit(
        "x", perfgate_toml='[baseline]\ndirectory = "store"\ntrust-times = true\n[[rule]]\nsli = "*:warnings"\n'
    )
    for place in range(20):
        project.commit(f"c{place}", notes_txt=str(place))
        project.put("r.csv", f"benchmark,metric,value\nm,warnings,{0 if place < 10 else 3}\n")
        if place == 10:
            assert project.perfgate("convert", "r.csv", "--commit", "HEAD", "-o", "run.json").returncode == 0
            against = project.perfgate("compare", "baseline", "run.json")
        assert project.perfgate("record", "r.csv", "--commit", "HEAD").returncode == 0

    checked = project.perfgate("history", "--check")

    assert against.returncode == 1, against.stdout + against.stderr
    assert "0.00 → 3.00" in against.stdout
    assert checked.returncode == 1, checked.stdout
    assert "warnings" in checked.stdout
