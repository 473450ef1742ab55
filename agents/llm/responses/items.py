"""The distinct output items of a response: some servers repeat an item in one list or in two events."""

from collections.abc import Hashable, Iterable
from typing import Any

from agents.llm.leaf import arguments_of


class DoneItems:
    """The items of done events, with their keys: output_index, or their place if they have no index."""

    __slots__ = ("_by_arrival",)

    def __init__(self) -> None:
        self._by_arrival: list[tuple[Any, dict[str, Any]]] = []

    def add(self, key: Hashable, item: dict[str, Any]) -> None:
        """Add an item. A repeated item with the same key replaces the earlier one."""
        for place, (known, earlier) in enumerate(self._by_arrival):
            if key is not None and key == known and _replaces(item, earlier):
                self._by_arrival[place] = (key, item)
                return
        self._by_arrival.append((len(self._by_arrival) if key is None else key, item))

    def in_order(self) -> list[dict[str, Any]]:
        if all(isinstance(key, int) for key, _ in self._by_arrival):
            self._by_arrival.sort(key=lambda done: done[0])
        return [item for _, item in self._by_arrival]


def distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items without repetitions. An item without an id never counts as a repetition."""
    found: list[dict[str, Any]] = []
    for item in items:
        if _id_of(item) is None or not any(_same(item, earlier) for earlier in found):
            found.append(item)
    return found


def _id_of(item: dict[str, Any]) -> tuple[Any, str] | None:
    """Return an item's type and id. A call's id is call_id, since its item's id may change between events."""
    found = item.get("call_id") if item.get("type") == "function_call" else item.get("id")
    return (item.get("type"), found) if isinstance(found, str) and found else None


def _replaces(item: dict[str, Any], earlier: dict[str, Any]) -> bool:
    if item.get("type") == "function_call":
        return _same(item, earlier)
    return item == earlier or _id_of(item) == _id_of(earlier) is not None


def _same(item: dict[str, Any], earlier: dict[str, Any]) -> bool:
    if _id_of(item) != _id_of(earlier) or item.get("type") != "function_call":
        return item == earlier
    return item.get("name") == earlier.get("name") and arguments_of(item.get("arguments")) == arguments_of(
        earlier.get("arguments")
    )
