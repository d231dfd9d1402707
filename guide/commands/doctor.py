"""`guide doctor`: what is installed, which engines work, where things are; and what fits into a memory."""

from __future__ import annotations

import click

from guide.commands.options import json_option


@click.command(epilog="Example:  guide doctor --plan deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B --memory 8GiB")
@click.option("--plan", "model", metavar="MODEL", help="Plan for this model instead: a folder, or an id on the hub.")
@click.option("--memory", metavar="SIZE", help="Memory for the model's cache, beside its weights: 8GiB, 500MB, ...")
@click.option(
    "--prompt-tokens",
    type=click.IntRange(min=1),
    default=4096,
    show_default=True,
    metavar="N",
    help="Tokens of one proposal's prompt, its literature included.",
)
@json_option
def doctor(model: str | None, memory: str | None, prompt_tokens: int, as_json: bool) -> None:
    """Say what is installed, which engines work, where the starter store is, and the hashes of the models.

    Exit status 1 if `guide review` would not work.

    With --plan, say how many runs of how many thinking tokens fit into a memory instead, read off the model's
    config.json alone.
    """
    if model is not None:
        if memory is None:
            raise click.UsageError("--plan needs --memory: what there is for the model's cache, beside its weights.")
        _print_plan(model, memory, prompt_tokens, as_json=as_json)
        return
    if memory is not None:
        raise click.UsageError("--memory needs --plan: the model to plan for.")
    import json
    from dataclasses import asdict

    from guide.commands.diagnosis import diagnose

    report = diagnose()
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        for check in report.checks:
            click.echo(f"{check.state:<8} {check.name}: {check.detail}")
            if check.fix:
                click.echo(f"{'':<8} {check.fix}")
    if not report.ok:
        raise click.exceptions.Exit(1)


def _print_plan(model: str, memory: str, prompt_tokens: int, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from guide.llm.kvcache.plan import plan
    from guide.llm.kvcache.shape import load_shape, parse_bytes

    size = parse_bytes(memory)
    shape = load_shape(model)
    # As the two engines that run a model do: vLLM holds a prompt once for all its runs, transformers once for each.
    shared = plan(shape, size, prompt_tokens, prompt_tokens)
    copied = plan(shape, size, prompt_tokens, 0)
    if as_json:
        found = {
            "model": model,
            "prompt_tokens": prompt_tokens,
            "cache": asdict(shape) | {"bytes_per_token": shape.bytes_per_token},
            "shared_prompt": asdict(shared),
            "copied_prompt": asdict(copied),
        }
        click.echo(json.dumps(found))
        return
    heads = f"{shape.layers} layers, {shape.key_heads} key heads of {shape.head_dim}, {shape.dtype}"
    click.echo(f"{model}: {shape.bytes_per_token:,} bytes of cache a token ({heads})")
    click.echo(f"{size / 2**30:.2f} GiB for the cache, prompts of {prompt_tokens:,} tokens\n")
    click.echo(f"{'':<34}{'runs':>6}{'thinking':>10}{'proposals':>11}{'cache':>12}")
    for name, chosen in (("vLLM: runs share a prompt", shared), ("transformers: each run has a copy", copied)):
        counts = f"{chosen.runs:>6}{chosen.thinking_tokens:>10,}{chosen.batch:>11}"
        click.echo(f"{name:<34}{counts}{chosen.bytes_used / 2**30:>8.2f} GiB")
    for name, chosen in (("a shared prompt", shared), ("a prompt copied for each run", copied)):
        click.echo(f"\nProposals at a time with {name}, by runs and thinking tokens:")
        lengths = sorted({way.thinking_tokens for way in chosen.alternatives})
        click.echo(f"{'':<6}" + "".join(f"{length:>8,}" for length in lengths))
        for runs in sorted({way.runs for way in chosen.alternatives}):
            batches = [way.batch for way in chosen.alternatives if way.runs == runs]
            click.echo(f"{runs:>6}" + "".join(f"{batch:>8}" for batch in batches))
