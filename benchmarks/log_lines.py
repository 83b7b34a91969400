"""Made-up messages in the manner of two well-known clusters' logs, the same for every peer."""

from __future__ import annotations

import random


def block_store(n: int, seed: int = 1) -> list[str]:
    """A distributed file system: few templates, many ids and addresses."""
    rng = random.Random(seed)

    def block() -> str:
        return f"blk_{rng.choice(['', '-'])}{rng.randrange(10**18, 10**19)}"

    def host() -> str:
        return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"

    def port() -> int:
        return rng.randrange(1024, 65536)

    kinds = [
        lambda: f"Receiving block {block()} src: /{host()}:{port()} dest: /{host()}:50010",
        lambda: f"PacketResponder {rng.randrange(3)} for block {block()} terminating",
        lambda: (
            "BLOCK* NameSystem.addStoredBlock: blockMap updated: "
            f"{host()}:50010 is added to {block()} size {rng.randrange(10**8)}"
        ),
        lambda: f"Received block {block()} of size {rng.randrange(10**8)} from /{host()}",
        lambda: f"Verification succeeded for {block()}",
        lambda: f"{host()}:50010 Served block {block()} to /{host()}",
        lambda: f"BLOCK* NameSystem.delete: {block()} is added to invalidSet of {host()}:50010",
        lambda: f"Deleting block {block()} file /mnt/data/dfs/current/{block()}",
        lambda: f"{host()}:50010:Got exception while serving {block()} to /{host()}:",
        lambda: (
            f"BLOCK* NameSystem.allocateBlock: /user/hdfs/out/tmp/_task_{rng.randrange(10**6)}"
            f"/part-{rng.randrange(2000):05d}. {block()}"
        ),
    ]
    weights = [25, 25, 20, 18, 4, 4, 2, 1, 0.5, 0.5]
    return [kind() for kind in rng.choices(kinds, weights, k=n)]


def supercomputer(n: int, seed: int = 2) -> list[str]:
    """Hardware events: more templates, registers and counters, leaders of dots."""
    rng = random.Random(seed)

    def hexa(width: int = 8) -> str:
        return f"{rng.getrandbits(4 * width):0{width}x}"

    parts = ["data", "instruction", "store", "load", "wait", "debug", "problem", "supervisor"]
    units = ["address", "operation", "state", "prefetch", "exception", "access"]
    kinds = [
        lambda: f"generating core.{rng.randrange(5000)}",
        lambda: (
            f"{rng.randrange(1, 40)} L3 EDRAM error(s) (dcr 0x{hexa(4)}) detected and corrected"
        ),
        lambda: f"CE sym {rng.randrange(32)}, at 0x{hexa()}, mask 0x{hexa(2)}",
        lambda: f"iar {hexa()} dear {hexa()}",
        lambda: f"{rng.randrange(1, 999999)} floating point alignment exceptions",
        lambda: f"{rng.choice(parts)} {rng.choice(units)} interrupt enable......{rng.randrange(2)}",
        lambda: (
            f"ciod: failed to read message prefix on control stream (CioStream socket to "
            f"172.16.{rng.randrange(256)}.{rng.randrange(256)}:{rng.randrange(30000, 60000)}"
        ),
        lambda: f"rts: kernel terminated for reason {rng.randrange(1000, 1010)}",
        lambda: " ".join(f"r{rng.randrange(k, k + 8):02d}=0x{hexa()}" for k in (0, 8, 16)),
        lambda: (
            f"ciod: Error loading /home/u{rng.randrange(40)}/run/bin{rng.randrange(9)}: invalid or "
            "missing program image, No such file or directory"
        ),
        lambda: (
            f"{rng.randrange(9)} torus {rng.choice(['receiver', 'sender'])} "
            f"{rng.choice('xyz')}{rng.choice('+-')} input pipe error(s) (dcr 0x{hexa(4)}) "
            "detected and corrected"
        ),
        lambda: "instruction cache parity error corrected",
    ]
    weights = [35, 8, 8, 8, 8, 8, 7, 6, 4, 4, 2, 2]
    return [kind() for kind in rng.choices(kinds, weights, k=n)]
