"""A run of a runbook: its note, its steps in order with their gates, and its record."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from esaws._display import html_table
from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.lock import deployment_lock, remove_ended_lock
from esaws.deploy.plan import Plan
from esaws.errors import EsawsError, Refused, StalePlan, UsageError
from esaws.masking import MASK, register_secret, register_secrets_of_environment
from esaws.operations.checks import Check, failed_checks
from esaws.resource import Index
from esaws.runbooks import approval
from esaws.runbooks.changes import changed_by_steps, changed_fields, monthly_usd, plan_lines, stale_message
from esaws.runbooks.completion import register_named_secrets
from esaws.runbooks.failure import explain, show_in_notebook
from esaws.runbooks.record import to_json
from esaws.runbooks.recording import Recording
from esaws.runbooks.session import Session, current_session
from esaws.runbooks.shown import Shown, show_checks

if TYPE_CHECKING:
    import pandas


class VerifyFailed(EsawsError):
    """A check after an operation does not hold, or its answer is unknown."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


def begin() -> Run:
    """Begin a run: validate the parameters and show the note. Call it in the cell after the parameters.

    Raises:
        UsageError: unknown or bad parameters, or the code does not run in a notebook.
    """
    session = current_session()
    register_secrets_of_environment()
    session.mask_outputs()
    run = Run(session)
    session.shell.events.register("post_run_cell", run.recording.after_cell)
    try:
        run._read_parameters()
    except BaseException as error:
        run.recording.fail(error, "parameters", run.record["runbook"])
        raise
    return run


def check_parameters() -> None:
    """Validate the parameters of a notebook that is not a runbook, such as one of the course. Call it after them.

    Raises:
        UsageError: unknown or bad parameters, or the code does not run in a notebook.
    """
    session = current_session()
    try:
        declaration, values = session.given_parameters()
        declaration.validate(values)
    except UsageError as error:
        show_in_notebook(error, explain(error, "parameters", session.name))
        raise


class Run:
    """One run. Its methods are the steps of a runbook, each for one cell; a step is refused before those it needs.

    `parameters` has the validated values as attributes, None where they are not given. `cloud` is the target of
    `account`, `region` and `deployment`, or of the environment.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.recording = Recording(session)
        self.record = self.recording.data
        self.parameters: BaseModel
        self.cloud: Cloud
        self._holds: set[str] = set()
        self._planner: Callable[[], Any] | None = None
        self._plan: Any = None
        self._is_unverified = False

    # -- the note ------------------------------------------------------------------------------------------------

    def _read_parameters(self) -> None:
        declaration, values = self.session.given_parameters()
        self.record["parameters"] = {
            name: value for name, value in values.items() if not declaration[name].is_secret
        } | {name: _shown_secret(value) for name, value in values.items() if declaration[name].is_secret}
        register_named_secrets(values, os.environ)
        self.parameters = declaration.validate(values)
        for name in values:  # papermill's command line gives a list as text
            if isinstance(given := getattr(self.parameters, name), list):
                self.record["parameters"][name] = given
        self.cloud = Cloud(
            os.environ.get("ESAWS_TARGET") or "local",
            account=self._given("account") or os.environ.get("ESAWS_ACCOUNT") or None,
            **{
                name: value
                for name in ("region", "deployment")
                if (value := self._given(name) or os.environ.get(f"ESAWS_{name.upper()}"))
            },
        )
        self.recording.cloud, self.recording.notify = self.cloud, self._given("notify")
        self.record |= {
            "operator": self._given("operator") or getpass.getuser(),
            "ticket": self._given("ticket"),
            "reason": self._given("reason"),
            "target": self.cloud.target,
            "region": self.cloud.region,
            "deployment": self.cloud.deployment,
        }
        self.recording.save()

    def _given(self, name: str) -> Any:
        return getattr(self.parameters, name, None)

    def _repr_html_(self) -> str:
        return html_table("Operation note", self.note())

    def __repr__(self) -> str:
        rows = self.note().itertuples(index=False)
        return "\n".join(f"{name:<11} {value}" for name, value in rows)

    def note(self) -> pandas.DataFrame:
        """Return the operation note: what is run, by whom, when and why. Columns: note, value."""
        import pandas

        values = [
            ("runbook", self.record["runbook"]),
            ("who", self.record["operator"]),
            ("when", self.record["started"]),
            ("ticket", self.record["ticket"] or "none given"),
            ("why", self.record["reason"] or "none given"),
            ("record", str(self.recording.path)),
        ]
        return pandas.DataFrame(values, columns=["note", "value"])

    # -- the steps -----------------------------------------------------------------------------------------------

    @property
    def dry_run(self) -> bool:
        """Whether the run changes nothing: as the parameter says; with `auto` on AWS unless a plan is approved."""
        choice = self._given("dry_run")
        return self.cloud.is_aws and not self._given("approve") if choice == "auto" else bool(choice)

    def account(self, *, start: bool = False) -> Shown:
        """Check that this is the right account. With `start`, start the local AWS if it is the target.

        Returns one row: target, account, region, deployment, dry_run.

        Raises:
            WrongAccount: the credentials belong to another account than the named one.
            Refused: the target is AWS, and no account is named.
            LocalNotRunning: the local AWS does not run.
        """
        import pandas

        with self._step("account", f"account of {self.cloud.target}"):
            if start:
                self.cloud.start()
            self.record["account"] = self.cloud.check()
        row = {name: self.record[name] for name in ("target", "account", "region", "deployment")}
        return Shown("Account", pandas.DataFrame([row | {"dry_run": "yes" if self.dry_run else "no"}]))

    def look(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Return `function(cloud, …)`, which only reads, and record what it found."""
        self._require("look", "account")
        title = _title(function)
        with self._step("look", title):
            found = function(self.cloud, *args, **keywords)
            self.record["found"][title] = to_json(found)
        return found

    def plan(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Return the plan that `function(cloud, …)` makes, and record it with its fingerprint.

        Raises:
            Refused: the step before has not succeeded, or the last act is not verified.
        """
        self._require("plan", "look")
        if self._is_unverified:
            raise self._refused("plan", "the last act is not verified; run its verify cell first")
        with self._step("plan", _title(function)):
            self._planner = lambda: function(self.cloud, *args, **keywords)
            self._plan = self._planner()
            lines = plan_lines(self._plan)
            bound = self._bound(lines)
            print_ = approval.fingerprint(bound, expires=datetime.now(UTC) + approval.VALID_FOR) if lines else None
            self.record["plans"].append(
                {"title": _title(function), "changes": lines, "fingerprint": print_, "approved": None, "done": False}
            )
            self.record["counts"]["planned"] += len(lines)
        if lines and self.cloud.is_aws and not self._given("approve"):
            print(f"To approve exactly this plan within the hour, add -p approve {print_}")
        return self._plan

    def act(self) -> Any:
        """Apply the plan of the last `plan` step, and return what its `apply` returned.

        The plan is made again first. In a dry run, and where there is nothing to do, nothing is changed.

        Raises:
            AwaitingApproval: the target is AWS, and the plan is not approved.
            Refused: the approval is of another plan, or has expired; or there is no plan.
            StalePlan: the account has changed since the plan was made.
            Locked: another process changes the deployment now.
        """
        self._require("act", "plan")
        entry = self.record["plans"][-1]
        self._holds.discard("plan")  # a plan acts once
        with self._step("act", entry["title"]) as step:
            if not entry["changes"] or self.dry_run:
                step["status"] = "skipped"
                planned = f"{len(entry['changes'])} changes are planned" if entry["changes"] else "nothing to do"
                if not self.dry_run:
                    remove_ended_lock(self.cloud, self.record["runbook"])
                print(f"{'Dry run: nothing was changed; ' if self.dry_run else 'Nothing was changed: '}{planned}.")
                return None
            self._check_approval(entry)
            with deployment_lock(self.cloud, self.record["runbook"]):  # what is compared is what is changed
                self._plan = self._planner() if self._planner else None
                if plan_lines(self._plan) != entry["changes"]:
                    raise StalePlan(*stale_message(entry["changes"], plan_lines(self._plan)))
                self._is_unverified = True
                before = inventory(self.cloud)
                if self.record["usd"]["month_before"] is None:
                    self.record["usd"]["month_before"] = monthly_usd(self.cloud, before)
                try:
                    result = self._plan.apply(yes=True) if isinstance(self._plan, Plan) else self._plan.apply()
                except BaseException:
                    with suppress(*CALL_ERRORS, EsawsError):  # what ended the act says more than this would
                        self._record_changes(before, inventory(self.cloud))
                    raise
                self._record_changes(before, inventory(self.cloud))
                self.record["changed"] += changed_by_steps(entry["changes"], self.record["changed"])
            entry["done"] = True
            self.record["counts"]["done"] += len(entry["changes"])
        return result

    def _record_changes(self, before: Index, after: Index) -> None:
        self.record["changed"] += changed_fields(before, after)
        self.record["usd"]["month_after"] = monthly_usd(self.cloud, after)

    def verify(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Shown | None:
        """Check what `function(cloud, …)` returns, a list of Check. A dry run that changed nothing is not checked.

        Returns one row per check: check, holds (yes, no or unknown), found.

        Raises:
            VerifyFailed: a check does not hold, or its answer is unknown.
        """
        self._require("verify", "look")
        with self._step("verify", _title(function)) as step:
            if self.dry_run and self.record["plans"] and self.record["plans"][-1]["changes"]:
                step["status"] = "skipped"
                print("Dry run: there is nothing to verify.")
                return None
            checks: list[Check] = list(function(self.cloud, *args, **keywords))
            self.record["checks"] += [check.to_dict() for check in checks]
            failed = failed_checks(checks)
            self.record["counts"]["checks_failed"] += len(failed)
            self.record["counts"]["checks_passed"] += len(checks) - len(failed)
            if failed:
                step["resource"] = failed[0].what
                raise VerifyFailed("; ".join(map(str, failed)), failed[0].next_step)
            self._is_unverified = False
        return show_checks(checks)

    def left(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Return `function(cloud, …)`: what remains after the run, such as resources, costs, or a change to undo."""
        self._require("left", "account")
        title = _title(function)
        with self._step("left", title):
            left = function(self.cloud, *args, **keywords)
            self.record["left"][title] = to_json(left)
        return left

    def result(self) -> Shown:
        """End the run, write its record, and send the notification. Returns the record's main lines: result, value."""
        import pandas

        self._require("result", "account")
        plans = self.record["plans"]
        has_changes = any(plan["changes"] for plan in plans)
        status = "done" if not plans or has_changes else "nothing_to_do"
        self.recording.end("planned" if has_changes and self.dry_run else status)
        rows = [
            (name, self.record[name])
            for name in ("status", "seconds", "calls", "changing_calls", "notification")
            if self.record[name] is not None
        ]
        rows += [(name.replace("_", " "), value) for name, value in self.record["counts"].items() if value]
        rows.append(("record", str(self.recording.path)))
        return Shown("Result", pandas.DataFrame(rows, columns=["result", "value"]))

    # -- gates ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, step: str, title: str) -> Iterator[dict[str, Any]]:
        """Record a step, which holds if it ends without an error."""
        with self.recording.step(step, title) as entry:
            yield entry
        self._holds.add(step)

    def _require(self, step: str, needed: str) -> None:
        if self.recording.has_ended:
            raise Refused(f"{step}: this run has ended; restart the kernel and run all cells to begin another")
        if needed not in self._holds:
            raise self._refused(step, f"the step {needed!r} has not succeeded in this run; run its cell first")

    def _refused(self, step: str, reason: str) -> Refused:
        error = Refused(f"{step}: nothing was changed: {reason}")
        self.recording.fail(error, step, self.record["runbook"])
        return error

    def _check_approval(self, entry: dict[str, Any]) -> None:
        """Refuse a plan on AWS that is not approved, and anywhere a wrong approval."""
        approved = self._given("approve")
        if not approved and not self.cloud.is_aws:
            return
        entry["approved"] = approval.check(
            approved, entry, self._bound, self.recording.path.parent, is_known=self.session.notebook_hash is not None
        )

    def _bound(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        """What an approval binds: the plan, the account, the parameters and the notebook's code."""
        parameters = {name: value for name, value in self.record["parameters"].items() if name not in approval.UNBOUND}
        place = {name: self.record[name] for name in ("target", "account", "region", "deployment", "runbook")}
        return {"plan": lines, **place, "parameters": to_json(parameters), "notebook": self.session.notebook_hash}


def _title(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", str(function)).replace("_", " ")


def _shown_secret(value: Any) -> Any:
    """The name of a secret; the value of one that was given instead of its name is not kept."""
    from esaws.runbooks.types import is_secret_name

    if value in ("", None) or is_secret_name(value):
        return value
    register_secret(str(value))
    return MASK
