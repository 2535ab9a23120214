"""The answer for each downstream metric in words and numbers: which proxies predict it, with what certainty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bench.statistics.correlation import FEWEST, Coefficient, signed
from bench.statistics.noise import Ties, has_shared_seeds, ties_within_noise
from bench.statistics.transfer import FIRST, Pair, Side
from bench.tables.rows import MEASURED

#: The baseline of the other proxies.
PLAIN = "multiply_adds"


@dataclass(frozen=True, eq=False)
class Answer:
    """One downstream metric of one setting with its proxies, the best predictor first."""

    downstream: Side
    pairs: tuple[Pair, ...]

    @property
    def measured(self) -> bool:
        return self.downstream.source == MEASURED

    @property
    def title(self) -> str:
        runs = self.downstream.values.notna().sum(axis=1)
        fewest, most = int(runs.min()), int(runs.max())
        seeds = f"{most} {'seed' if most == 1 else 'seeds'}" if fewest == most else f"{fewest} to {most} seeds"
        said = seeds if self.measured else f"{self.downstream.source} paper"
        return f"{self.downstream.title}: {len(runs)} architectures, {said}"

    @cached_property
    def ties(self) -> Ties | None:
        return ties_within_noise(self.downstream.scores.to_numpy())

    @property
    def lines(self) -> list[str]:
        """The conclusions, one sentence each; a paper's rows say nothing of the noise of seeds."""
        noise = (self._plain, self._shared, self._ceiling, self._ties) if self.measured else ()
        return [line for line in (self._prediction, self._opposite, *noise) if line]

    @property
    def best(self) -> Pair | None:
        """The pair with the largest τ, if any has enough architectures."""
        told = [pair for pair in self.pairs if pair.correlation.kendall is not None]
        return told[0] if told else None

    @property
    def plain(self) -> Pair | None:
        """The pair of multiply-adds."""
        return next((pair for pair in self.pairs if pair.proxy.metric == PLAIN), None)

    @property
    def _prediction(self) -> str:
        best = self.best
        if best is None:
            most = max(len(pair.architectures) for pair in self.pairs)
            if most < FEWEST:
                return f"Too few: {most} architectures have a proxy's value and this metric; {FEWEST} are needed."
            return "No proxy ranks the architectures."
        told = sum(pair.correlation.kendall is not None for pair in self.pairs)
        return (
            f"Of {told} {'proxy' if told == 1 else 'proxies'}, {best.proxy.title} predicts it best: "
            f"{_tau(best.correlation.kendall)}, {best.correlation.reading}"
            f"{'; the best of several proxies may be so by chance' if told > 1 else ''}."
        )

    @property
    def _opposite(self) -> str:
        """The proxy whose opposite order is known better than any other's order."""
        best = self.best
        last = next((pair for pair in reversed(self.pairs) if pair.correlation.kendall is not None), None)
        if best is None or last is None or last is best or last.correlation.spearman is None:
            return ""
        first, other = best.correlation.kendall, last.correlation.kendall
        assert first is not None
        assert other is not None
        if other.value >= -abs(first.value) or other.high >= 0 or last.correlation.spearman.high >= 0:
            return ""
        return f"Turned around, {last.proxy.title} would predict it better: {_tau(other)}."

    @property
    def _plain(self) -> str:
        plain, best = self.plain, self.best
        if plain is None or best is None:
            return ""
        if plain.correlation.kendall is None:
            return f"Plain multiply-adds: {plain.correlation.reading}."
        if best is plain:
            return ""
        return f"Plain multiply-adds: {_tau(plain.correlation.kendall)}, {plain.correlation.reading}."

    @property
    def _shared(self) -> str:
        """What a proxy owes to the runs' starting from the very weights that it judges."""
        for pair in self.pairs:
            shared = pair.shared_weights
            if shared is not None:
                return (
                    f"Runs start from the weights of {pair.proxy.protocol}: one seed of its {pair.proxy.label} agrees "
                    f"with the runs from the same weights with τ = {signed(shared.same)}, with those from another "
                    f"seed's with τ = {signed(shared.other)}."
                )
        return ""

    @property
    def _ceiling(self) -> str:
        ceiling = self.downstream.ceiling
        if ceiling is None:
            if has_shared_seeds(self.downstream.scores.to_numpy()):
                return "Noise ceiling: none; of two seeds, one has the same value for all architectures."
            return f"Noise ceiling: too few; 2 seeds of the same {FEWEST} architectures are needed."
        return (
            f"Noise ceiling: one seed's order predicts another's with {_tau(ceiling.kendall)}, "
            f"ρ = {ceiling.spearman.text} ({ceiling.architectures} architectures, {ceiling.seeds} seeds); "
            f"true scores would have {_tau(ceiling.ideal_kendall)}, ρ = {ceiling.ideal_spearman.text} with the means "
            "over seeds."
        )

    @property
    def _ties(self) -> str:
        if self.ties is None:
            return "Ties within noise: too few; 2 seeds of an architecture are needed."
        return (
            f"{self.ties.count} of {self.ties.pairs} pairs of architectures are ties within noise: one run deviates by "
            f"{self.ties.deviation:.2g} {self.downstream.unit}."
        )


def _tau(coefficient: Coefficient | None) -> str:
    return f"τ = {coefficient.text}" if coefficient is not None else ""


def answers(pairs: Iterable[Pair]) -> list[Answer]:
    """Group pairs by their downstream metric, in their order."""
    found: dict[int, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(id(pair.downstream), []).append(pair)
    return [Answer(own[0].downstream, tuple(own)) for own in found.values()]


#: Heads of the columns of `cells`.
HEADS = (
    "Proxy",
    "n",
    "Spearman's ρ",
    "Kendall's τ",
    "Regret of the first",
    f"of the best of {FIRST}",
    "of a random one",
    "Right of pairs that are no ties",
    "Reading",
)


def cells(pair: Pair) -> list[str]:
    """Format a pair as a line of a table; cells are empty if there are too few architectures."""
    correlation = pair.correlation
    first, best = pair.regret(), pair.regret(FIRST)
    agreement = pair.agreement if pair.enough else None
    return [
        pair.proxy.title,
        str(correlation.points),
        correlation.spearman.text if correlation.spearman else "",
        correlation.kendall.text if correlation.kendall else "",
        *(_amount(value if pair.enough else None) for value in (first, best, pair.chance)),
        "" if agreement is None else f"{100 * agreement:.0f} %",
        correlation.reading,
    ]


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
