"""`perfgate help`."""

import click

from perfgate.errors import UsageError

EXIT_CODES = """\
0    The gate passed: no critical SLI is shown to be worse than its limit allows.
1    A regression: at least one critical SLI is worse than its limit, with confidence.
2    Wrong usage: an option, a revision or a key of the configuration. Nothing was measured.
3    Not measured: a side could not be built, a benchmark failed or is missing, or a result could not be stored.
4    Inconclusive, where a rule with on-inconclusive = "fail" blocks on it.
70   A bug in perfgate. Please report it.
130  Interrupted: the report holds what was measured until then.

`compare`, `gate` and `demo` use all of these. Other commands end with 0, 2, 3, 70 or 130, with two exceptions:
`history --check` ends with 1 if something got worse, and `doctor --aa` with 1 if it blocked identical code.
`doctor` ends with 2 if a workflow has a fault."""
COMPLETION = """\
bash   echo 'eval "$(_PERFGATE_COMPLETE=bash_source perfgate)"' >> ~/.bashrc
zsh    echo 'eval "$(_PERFGATE_COMPLETE=zsh_source perfgate)"' >> ~/.zshrc
fish   _PERFGATE_COMPLETE=fish_source perfgate > ~/.config/fish/completions/perfgate.fish

Then start a new shell."""
TOPICS = {"exit-codes": EXIT_CODES, "completion": COMPLETION}


@click.command("help")
@click.argument("topic", required=False)
@click.pass_context
def help_(ctx: click.Context, topic: str | None) -> int:
    """Explain TOPIC: `exit-codes`, `completion`, or the name of a command. Without one, list commands and topics."""
    root = ctx.find_root()
    if topic is None:
        click.echo(f"{root.get_help()}\n\nTopics (perfgate help TOPIC): {', '.join(TOPICS)}")
        return 0
    if topic in TOPICS:
        click.echo(TOPICS[topic])
        return 0
    assert isinstance(root.command, click.Group)
    command = root.command.get_command(root, topic)
    if command is None:
        raise UsageError(f"no topic and no command is called {topic!r}", hint=f"perfgate help {' | '.join(TOPICS)}")
    click.echo(command.get_help(click.Context(command, info_name=topic, parent=root)))
    return 0
