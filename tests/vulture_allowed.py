"""Names that vulture cannot see used: by frameworks, by entry points, by whoever imports the statistics."""

from shlex import shlex

from perfgate import codec
from perfgate.cli import baseline, convert, demo, demo_project, doctor, help_, init, main
from perfgate.config import schema
from perfgate.core import model, outlook, report
from perfgate.core.stats import multiplicity, unpaired
from perfgate.engines import h2load, locust
from perfgate.formats import custom
from perfgate.render import phrases
from perfgate.render.site import view
from perfgate.stores import directory

h2load.H2load, locust.Locust
convert.convert, custom.write_smaller, custom.write_bigger, custom.smaller, custom.bigger
shlex("").whitespace_split, shlex("").commenters
directory.open_directory, baseline.list_
report.Report.trails, phrases.trail
outlook.Outlook.drift_budget, view.View.day_of, view.View.commit_href, view.View.range_href, view.View.why_none
demo.demo, init.init, doctor.doctor, help_.help_
main._Lazy.list_commands, main._Lazy.get_command, main._Lazy.format_commands
codec._RunFile.model_config, codec._RunFile.schema_version, codec.dump_report
codec.Processes.__get_pydantic_core_schema__  # type: ignore[attr-defined]
schema.Section.model_config, schema.Config._default_runner, schema.RuleTable._fitting
schema.Config._known_suites, schema.Config._unknown_metrics, schema.CommandSuite._one_way
model.Direction.HIGHER, model.Environment.fingerprint, model.ProcessFacts.preempted
multiplicity.holm, multiplicity.benjamini_hochberg, unpaired.hodges_lehmann
demo_project.TRUE_EFFECT, demo_project.GUILTY_BENCHMARK
