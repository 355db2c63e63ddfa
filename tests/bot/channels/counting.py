"""What a test adds to the operator's counters, which the whole process shares."""

from __future__ import annotations

from prometheus_client import Counter

Labels = tuple[str, ...]


class Tally:
    """A counter from now on. ``since`` gives what was added, by the labels after the channel's."""

    def __init__(self, counter: Counter, channel: str) -> None:
        self._counter, self._channel = counter, channel
        self._before = self._values()

    def since(self) -> dict[Labels, float]:
        """What was added, without what was not."""
        grown = {
            labels: value - self._before.get(labels, 0) for labels, value in self._values().items()
        }
        return {labels: value for labels, value in grown.items() if value}

    def _values(self) -> dict[Labels, float]:
        return {
            tuple(sample.labels.values())[1:]: sample.value
            for metric in self._counter.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["channel"] == self._channel
        }
