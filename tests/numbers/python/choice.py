"""Which objects have to go for the bucket to fit."""


def choose(total, threshold, max_deletes, protected, candidates, known_above):
    """Chooses the largest objects first, ties by name, until the total is below the threshold: what goes, and why no more.

    The candidates are all objects that are larger than `known_above`, or all there are if that is None. None if they
    don't decide it.
    """
    known = [it for it in candidates if known_above is None or it["size"] > known_above]
    free = [it for it in known if not it["object_name"].startswith(protected)]
    free.sort(key=lambda it: (-it["size"], it["object_name"]))
    chosen = []
    while total >= threshold:
        if len(chosen) == max_deletes:
            return chosen, "MaxDeletes"
        if len(chosen) == len(free):
            return (chosen, "OnlyProtected") if known_above is None else None
        total -= free[len(chosen)]["size"]
        chosen.append(free[len(chosen)])
    return chosen, "Below"
