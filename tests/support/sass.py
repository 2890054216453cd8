"""Machine code for the tests, in the form of nvdisasm."""


def listing(*lines):
    """Return a listing: a label as ``.L_x_0:``, anything else an instruction."""
    out, address = ["\t.target\tsm_90", ".text.kernel:"], 0
    for line in lines:
        if line.endswith(":"):
            out.append(line)
        else:
            guard, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
            out.append(f"        /*{address:04x}*/  {guard:>16} {rest} ;")
            address += 16
    return "\n".join(out) + "\n"
