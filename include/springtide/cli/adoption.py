"""`springtide import` and `springtide init`: from what a team has to policies and a calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.exit_codes import ExitCode
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import METRICS, CliContext, Output, OutputOption
from springtide.clock import SystemClock
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from springtide.adoption.documents import WrittenFile
    from springtide.adoption.files import FileReading
    from springtide.adoption.proposals import Proposal, Wishes
    from springtide.adoption.remarks import Remark

_HEADINGS: Final = {
    "no_equal": "What has no equal",
    "differs": "What is done in another way",
    "stays": "What stays as it is",
    "to_do": "What to do",
}

Reading = Annotated[CliContext, Offers("kubeconfig", "context")]
Measuring = Annotated[CliContext, Offers("kubeconfig", "context", *METRICS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Who answers for the documents, and whether they become files."""

    owner: Annotated[str | None, typer.Option(help="Who answers for them. Default: the namespace.")] = None
    write: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write FOLDER/policies and FOLDER/calendars.")
    ] = None
    replace: Annotated[
        bool, typer.Option("--replace", help="With --write: also files that hold something else by now.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DownscalerOptions:
    """What the controllers themselves were started with: it stands in no object."""

    timezone: Annotated[
        str, typer.Option(help="The clocks of CronHPA's controller, and of downscaler hours that name no zone.")
    ] = "UTC"
    default_uptime: Annotated[str, typer.Option(help="kube-downscaler's own --default-uptime.")] = ""
    default_downtime: Annotated[str, typer.Option(help="kube-downscaler's own --default-downtime.")] = ""
    downtime_replicas: Annotated[int, typer.Option(min=0, help="kube-downscaler's own --downtime-replicas.")] = 0


FilesArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE...]", help="Manifests, or folders of them; else the cluster.")
]
NamespacesOption = Annotated[
    list[str] | None, typer.Option("--namespace", "-n", help="Of the cluster; may be repeated.")
]
NamespaceArgument = Annotated[str, typer.Argument(metavar="NAMESPACE", help="Whose workloads.")]


@grouped
def import_objects(
    files: FilesArgument = None,
    *,
    namespace: NamespacesOption = None,
    controllers: DownscalerOptions,
    files_asked: WriteOptions,
    place: Reading,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print policies and calendars that ask for what HPAs, ScaledObjects, CronHPAs and downscaler annotations ask for.

    Reads FILEs, or with --namespace a cluster; changes neither. What has no equal is told below the documents.
    Exits with 1 when something in a file could not be read, or nothing that scales was found.
    """
    with answering(output):
        from springtide.adoption.found import FoundObjects
        from springtide.adoption.proposals import propose

        wishes = _wishes(controllers, files_asked)
        note = ClusterNote(output)
        reading = _read_files(files) if files else _read_cluster(place, namespace, note)
        proposal = propose(FoundObjects.of(reading.objects), wishes)
        _Answer(command="import", asked=files_asked, output=output, note=note).give(proposal, reading)
        if not proposal.documents:
            raise InputError(
                f"{'files' if files else 'namespace'}: nothing in it says how a workload is scaled. Name manifests of "
                "HPAs, ScaledObjects, CronHPAs or annotated workloads; `springtide init` proposes policies without.",
                code="nothing_to_import",
            )
    if files and any(remark.standing.value == "no_equal" for remark in reading.remarks):
        raise typer.Exit(ExitCode.FAILED)


@grouped
def init(
    namespace: NamespaceArgument,
    *,
    files_asked: WriteOptions,
    place: Measuring,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a first policy for each workload of NAMESPACE, from its autoscaler, its probes and its history.

    Reads the cluster and, with --prometheus, the CPU that its pods used; changes nothing.
    """
    with answering(output):
        from springtide.adoption.asks import Years
        from springtide.adoption.first_policies import first_policies, workloads_of
        from springtide.adoption.found import FoundObjects
        from springtide.adoption.history import read_usage

        now = SystemClock().now()
        note = ClusterNote(output)
        reading = _read_cluster(place, [namespace], note)
        objects = FoundObjects.of(reading.objects)
        workloads = workloads_of(objects) if place.prometheus is not None else []
        histories = {each: read_usage(each, place.recorded, now - timedelta(minutes=1)) for each in workloads}
        proposal = first_policies(objects, histories, Years(now), files_asked.owner)
        _Answer(command="init", asked=files_asked, output=output, note=note).give(proposal, reading)
        if not proposal.documents:
            raise InputError(
                f"namespace: {namespace} has no Deployment, StatefulSet or Rollout that may be read. Name another one.",
                code="nothing_to_import",
                field="namespace",
            )


def _wishes(controllers: DownscalerOptions, asked: WriteOptions) -> Wishes:
    from springtide.adoption.asks import Years, ZoneError, zone_of
    from springtide.adoption.downscaler import DownscalerDefaults
    from springtide.adoption.proposals import Wishes

    try:
        zone = zone_of(controllers.timezone)
    except ZoneError as error:
        raise InputError(f"timezone: {error}.", code="timezone_invalid", field="timezone") from error
    defaults = DownscalerDefaults(
        zone=zone,
        uptime=controllers.default_uptime,
        downtime=controllers.default_downtime,
        downtime_replicas=controllers.downtime_replicas,
    )
    return Wishes(owner=asked.owner, defaults=defaults, years=Years(SystemClock().now()))


def _read_files(files: list[Path]) -> FileReading:
    from springtide.adoption.files import read_manifests

    return read_manifests(files)


def _read_cluster(place: CliContext, namespaces: list[str] | None, note: ClusterNote) -> FileReading:
    from springtide.adoption.gathering import gather

    if not namespaces:
        raise InputError(
            "files: name files or folders of manifests, or with --namespace what to read of the cluster.",
            code="name_required",
            field="files",
        )
    kept_nowhere = CliContext(kubeconfig=place.kubeconfig, context=place.context, store=None)
    with kept_nowhere.ports(lambda _message: None) as ports:
        note.say(ports)
        return gather(ports.kube, namespaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """How a command tells what it proposes, and whether it writes it."""

    command: str
    asked: WriteOptions
    output: Output
    note: ClusterNote

    def give(self, proposal: Proposal, reading: FileReading) -> None:
        """Print the documents and what has to be said about them, or write the documents."""
        from springtide.adoption.documents import text_of, write

        texts = {each.path: text_of(each, self.command) for each in proposal.documents}
        folder = self.asked.write
        written = [] if folder is None else write(folder, texts, replace=self.asked.replace)
        remarks = (*reading.remarks, *proposal.remarks)
        if self.output.is_for_programs:
            print_record(_record(proposal, remarks, written) | self.note.record, self.output)
            return
        if folder is None:
            for path, text in texts.items():
                typer.echo(f"---\n# {path}\n{text}", nl=False)
        for line in _report(remarks, written):
            typer.echo(f"# {line}".rstrip())


def _record(proposal: Proposal, remarks: Sequence[Remark], written: Sequence[WrittenFile]) -> dict[str, Any]:
    documents = [
        {"path": each.path, "sources": list(each.sources), "content": each.content} for each in proposal.documents
    ]
    files = [{"path": str(each.path), "writing": each.writing.value} for each in written]
    return {"documents": documents, "remarks": [each.to_record() for each in remarks], "files": files}


def _report(remarks: Sequence[Remark], written: Sequence[WrittenFile]) -> Iterator[str]:
    order = list(_HEADINGS)
    told = sorted(remarks, key=lambda remark: order.index(remark.standing.value))
    for standing, group in groupby(told, key=lambda remark: remark.standing):
        yield ""
        yield f"{_HEADINGS[standing.value]}:"
        yield from (f"  {remark}" for remark in group)
    if written:
        yield ""
    yield from (f"{each.path}: {each.writing.value}" for each in written)
