"""What annotations of a graph mean: winners, sharing groups, named errors; slow and literal.

Written from the text of the rules alone; nothing here knows how quire does it."""
from collections import namedtuple

# kind: operand, result (graph inputs and initializers too), output. tensor: None for an omitted
# operand. formal: an input or output of a body of If, Loop, Scan. attributes: every field of the
# canonical spec but observer (as printed, "" for none) and formula. lost: a loser by its own words.
Slot = namedtuple("Slot", "kind tensor formal")
Spec = namedtuple("Spec", "kind attributes observer formula targets")
Claim = namedtuple("Claim", "slot spec who priority noshare lost")
Named = type("Named", (Exception,), {})  # arguments: the error's name, then the slots it touches

def winners(slots, claims, first):
    held, losers = {}, []
    for slot in slots:
        asked = [c for c in claims if c.slot == slot]
        top = max((c.priority for c in asked if not c.lost), default=None)
        best = [c for c in asked if not c.lost and c.priority == top]
        if len({c.spec for c in best}) > 1 and first is None:
            raise Named("conflict", slot)
        best.sort(key=lambda c: (*(c.who != who for who in first or []), c.who.encode()))
        best = [c for c in best if c.spec == best[0].spec]
        losers += [c for c in asked if c not in best]
        if best:
            held[slot] = best[0]._replace(noshare=any(c.noshare for c in best))
    return held, losers

def end(held, slot):
    while held[slot].spec.kind == "shared":
        slot = held[slot].spec.targets[0]
    return held[slot].spec

def links(slots, held, a, b):  # does a link itself to b? Asked both ways
    if held[a].spec.kind == "shared" and held[a].spec.targets[0] == b:
        return True
    this, that = slots[a], slots[b]
    if this.kind != "operand" or this.tensor is None or this.tensor != that.tensor or that.formal:
        return False
    if held[a].noshare or that.kind == "result" and held[b].noshare:
        return False
    x, y = end(held, a), end(held, b)
    return x.kind in ("quantized", "fixed") and (x.kind, x.attributes) == (y.kind, y.attributes)

def fail(name, found):
    for touched in found:  # in the order of slots: the least is told
        raise Named(name, *touched)

def reach(start, arrows):
    seen = set()
    while more := {b for a, b in arrows if a == start or a in seen} - seen:
        seen |= more
    return seen

def meaning(slots, claims, first=None):
    """slots: {text: Slot} in order; first: None, or the claimants as declared (--conflict first).
    Returns groups (slots, spec, do observers differ), float slots, losers; or raises Named."""
    held, losers = winners(slots, claims, first)
    arrows = [(s, t) for s in held for t in held[s].spec.targets]
    shared = [(s, t) for s, t in arrows if held[s].spec.kind == "shared"]
    fail("cycle of shared", (reach(s, shared) for s in held if s in reach(s, shared)))
    fail("target not annotated", ((s, t) for s, t in arrows if t not in held))
    fail("target float", ((s, t) for s, t in arrows if held[t].spec.kind == "float"))
    groups, left = [], [s for s in held if held[s].spec.kind != "float"]
    while left:
        groups.append([left.pop(0)])
        for a in groups[-1]:
            groups[-1] += [b for b in left if links(slots, held, a, b) or links(slots, held, b, a)]
            left = [b for b in left if b not in groups[-1]]
    home = {s: number for number, group in enumerate(groups) for s in group}
    kinds = {kind: [s for s in held if held[s].spec.kind == kind] for kind in ("fixed", "derived")}
    derived = [(home[s], home[t]) for s, t in arrows if s in kinds["derived"]]
    fail("cycle of derived", ((s,) for s in kinds["derived"] if home[s] in reach(home[s], derived)))
    fail("fixed with observer options", ((s,) for s in kinds["fixed"] if held[s].spec.observer))
    fail("absent operand", ((s,) for s in held if slots[s].tensor is None))
    own = [[held[s] for s in group if held[s].spec.kind != "shared"] for group in groups]
    best = [min(o, key=lambda h: (-h.priority, h.spec.observer.encode())).spec for o in own]
    differ = [len({h.spec.observer for h in o}) > 1 for o in own]
    groups = [[s for s in slots if s in group] for group in groups]
    return [*zip(groups, best, differ)], [s for s in held if held[s].spec.kind == "float"], losers
