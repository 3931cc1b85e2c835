#!/usr/bin/env python3
"""Second implementation of ../digest.md, standard library only. Writes the vectors beside itself; the committed ones are fixed."""
import base64, hashlib, hmac, itertools, json, pathlib, struct

HERE = pathlib.Path(__file__).parent
CODES = dict(FP32=1, UINT8=2, INT8=3, UINT16=4, INT16=5, INT32=6, INT64=7, BYTES=8, BOOL=9, FP16=10, FP64=11, UINT32=12, UINT64=13, BF16=16)

def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def tag(name): return name.encode("ascii") + b"\0"
def u8(value): return struct.pack("<B", value)
def u32(value): return struct.pack("<I", value)
def u64(value): return struct.pack("<Q", value)
def string(text): return u32(len(text.encode())) + text.encode()
def b64(data): return base64.b64encode(data).decode()

def tensor_digest(dtype, shape, data):
    return H(tag("isochrone/tensor/v1"), u8(CODES[dtype]), u32(len(shape)), *map(u64, shape), data)

def record_digest(tensors):
    ordered = sorted(tensors, key=lambda named: named[0].encode())
    return H(tag("isochrone/record/v1"), u32(len(ordered)), *(string(name) + tensor_digest(*tensor) for name, tensor in ordered))

def leaf_encoding(leaf):
    return b"".join([
        tag("isochrone/leaf/v1"), string(leaf["jobUID"]), u32(leaf["shardIndex"]), u32(leaf["attempt"]), u64(leaf["record"]),
        bytes.fromhex(leaf["nodeKey"]), bytes.fromhex(leaf["inputDigest"]), bytes.fromhex(leaf["modelDigest"]),
        string(leaf["numericProfile"]), bytes.fromhex(leaf["outputDigest"])])

def tree_root(leaves):
    """RFC 6962 §2.1 by its own recursive definition: split at the largest power of two below the count."""
    if len(leaves) == 1: return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return H(b"\1", tree_root(leaves[:k]), tree_root(leaves[k:]))

def tree_proof(leaves, index):
    if len(leaves) == 1: return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k: return tree_proof(leaves[:k], index) + [tree_root(leaves[k:])]
    return tree_proof(leaves[k:], index - k) + [tree_root(leaves[:k])]

def statement(r):
    return b"".join([
        tag("isochrone/receipt/v1"), u32(r["version"]), base64.b64decode(r["nodeKey"]), u64(r["sequence"]),
        base64.b64decode(r["previousReceiptDigest"]), string(r["jobUID"]), u32(r["attempt"]), base64.b64decode(r["modelDigest"]),
        string(r["numericProfile"]), string(r["runtimeClass"]), u64(r["leafCount"]), base64.b64decode(r["root"]), u32(len(r["outputs"]))]
        + [u32(o["shardIndex"]) + u64(o["records"]) + base64.b64decode(o["sha256"]) + u64(o["bytes"]) for o in r["outputs"]])

def ed25519_sign(secret, message):
    """RFC 8032 §5.1.6, after the code of its §6; slow, and right."""
    p, q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, p) % p
    def add(P, Q):
        A, B = (P[1] - P[0]) * (Q[1] - Q[0]) % p, (P[1] + P[0]) * (Q[1] + Q[0]) % p
        C, D = 2 * P[3] * Q[3] * d % p, 2 * P[2] * Q[2] % p
        E, F, G, K = B - A, D - C, D + C, B + A
        return E * F % p, G * K % p, F * G % p, E * K % p
    def multiply(s, P):
        Q = (0, 1, 1, 0)
        while s:
            if s & 1: Q = add(Q, P)
            P, s = add(P, P), s >> 1
        return Q
    def compress(P):
        x, y = P[0] * pow(P[2], -1, p) % p, P[1] * pow(P[2], -1, p) % p
        return (y | (x & 1) << 255).to_bytes(32, "little")
    y = 4 * pow(5, -1, p) % p
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, p)
    x = pow(x2, (p + 3) // 8, p)
    if (x * x - x2) % p: x = x * pow(2, (p - 1) // 4, p) % p
    if x & 1: x = p - x
    base = (x, y, 1, x * y % p)
    digest = hashlib.sha512(secret).digest()
    a = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = compress(multiply(a, base))
    r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % q
    R = compress(multiply(r, base))
    h = int.from_bytes(hashlib.sha512(R + public + message).digest(), "little") % q
    return public, R + ((r + h * a) % q).to_bytes(32, "little")

def chain(seed, length):
    keys = [H(tag("isochrone/hash-chain-seed/v1"), seed)]
    for _ in range(length): keys.append(H(tag("isochrone/hash-chain/v1"), keys[-1]))
    return keys[::-1]

def sample(key, root, node, sequence, count, size):
    seed = hmac.digest(key, tag("isochrone/sample/v1") + root + node + u64(sequence) + u64(count), "sha256")
    if size == count: return seed, list(range(count))
    drawn = set()
    for c in itertools.count():
        block = hmac.digest(seed, u64(c), "sha256")
        for at in range(0, 30, 6):
            word = int.from_bytes(block[at:at + 6], "little")
            if len(drawn) < size and word < 2**48 - 2**48 % count: drawn.add(word % count)
        if len(drawn) == size: return seed, sorted(drawn)

def write(name, vectors):
    lines = ",\n".join("  " + json.dumps(vector, ensure_ascii=True) for vector in vectors)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")

def frame(*elements): return b"".join(u32(len(element)) + element for element in elements)

TENSORS = [
    ("bool", "BOOL", [3], bytes([0, 1, 1])),
    ("uint8", "UINT8", [2, 2], bytes([0, 1, 127, 255])),
    ("uint16", "UINT16", [2], struct.pack("<2H", 1, 65535)),
    ("uint32", "UINT32", [2], struct.pack("<2I", 1, 2**32 - 1)),
    ("uint64", "UINT64", [2], struct.pack("<2Q", 1, 2**64 - 1)),
    ("int8", "INT8", [2], struct.pack("<2b", -128, 127)),
    ("int16", "INT16", [2], struct.pack("<2h", -32768, 1)),
    ("int32", "INT32", [2], struct.pack("<2i", -(2**31), 1)),
    ("int64", "INT64", [2], struct.pack("<2q", -(2**63), 2**53 + 1)),
    ("fp16", "FP16", [2], struct.pack("<2e", 1.5, -65504)),
    ("bf16", "BF16", [2], struct.pack("<2H", 0x3FC0, 0xFF80)),
    ("fp32", "FP32", [1, 3], struct.pack("<3f", 1.5, -2.25, 3e38)),
    ("fp64", "FP64", [2], struct.pack("<2d", 0.1, -1e300)),
    ("bytes", "BYTES", [3], frame(b"", b"a\0b", "Größe".encode())),
    ("scalar", "FP32", [], struct.pack("<f", 1.5)),
    ("same data as uint8, other shape", "UINT8", [4], bytes([0, 1, 127, 255])),
    ("same data as uint8, other datatype", "INT8", [2, 2], bytes([0, 1, 127, 255])),
    ("empty", "FP32", [0], b""),
    ("empty, other shape", "FP32", [3, 0, 2], b""),
    ("empty bytes", "BYTES", [0], b""),
    ("positive zero", "FP32", [1], struct.pack("<I", 0)),
    ("negative zero", "FP32", [1], struct.pack("<I", 0x80000000)),
    ("quiet NaN", "FP32", [1], struct.pack("<I", 0x7FC00000)),
    ("NaN with a payload", "FP32", [1], struct.pack("<I", 0x7FC00001)),
    ("signalling NaN", "FP32", [1], struct.pack("<I", 0x7F800001)),
    ("fp64 NaN with a payload", "FP64", [1], struct.pack("<Q", 0x7FF8DEADBEEF0001)),
    ("fp16 infinities", "FP16", [2], struct.pack("<2H", 0x7C00, 0xFC00)),
]

def main():
    by_name = {name: tensor for name, *tensor in TENSORS}
    write("tensor-digest", [dict(name=n, dtype=t, shape=s, data=b64(d), digest=tensor_digest(t, s, d).hex()) for n, t, s, d in TENSORS])

    records = [["fp32"], ["fp32", "bytes"], ["bytes", "fp32"], ["empty", "scalar", "int64"]]
    named = [[("output", by_name["fp32"])], [("größe", by_name["fp32"])]] + [[(f"t{i}", by_name[n]) for i, n in enumerate(r)] for r in records]
    named += [[("b", by_name["fp32"]), ("a", by_name["bool"])], [("\U0001F600", by_name["fp32"]), ("\uFFFD", by_name["bool"])]]
    write("record-digest", [dict(tensors=[dict(name=n, dtype=t, shape=s, data=b64(d)) for n, (t, s, d) in r], digest=record_digest(r).hex()) for r in named])

    d = lambda label: H(label.encode()).hex()
    leaf = dict(jobUID="5f0c0f6e-3c0b-4d0f-9b1e-2f6a5d1c7e11", shardIndex=3, attempt=2, record=777, nodeKey=d("node"), inputDigest=d("input"), modelDigest=d("model"), numericProfile="fp32-strict", outputDigest=d("output"))
    leaves = [leaf, leaf | dict(record=2**53 - 1, shardIndex=2**32 - 1, attempt=2**32 - 1), leaf | dict(jobUID="", numericProfile=""), leaf | dict(jobUID="größe-\U0001F600")]
    write("leaf", [dict(leaf=l, encoding=leaf_encoding(l).hex(), hash=H(b"\0", leaf_encoding(l)).hex()) for l in leaves])

    trees = []
    for count in [1, 2, 3, 4, 5, 7, 8, 11]:
        hashes = [H(b"\0", leaf_encoding(leaf | dict(record=i))) for i in range(count)]
        trees.append(dict(leaves=[h.hex() for h in hashes], root=tree_root(hashes).hex(), proofs=[[h.hex() for h in tree_proof(hashes, i)] for i in range(count)]))
    write("merkle", trees)

    secret = H(b"receipt secret")
    public, _ = ed25519_sign(secret, b"")
    spki = bytes.fromhex("302a300506032b6570032100") + public
    output = lambda i: dict(shardIndex=i, records=256, sha256=b64(H(b"object %d" % i)), bytes=256 * 4 + 128)
    first = dict(version=1, nodeKey=b64(H(spki)), sequence=0, previousReceiptDigest=b64(bytes(32)), jobUID=leaf["jobUID"], attempt=2, modelDigest=b64(H(b"model")), numericProfile="fp32-strict", runtimeClass="cpu/x86_64/ort-1.30.0", leafCount=512, root=b64(H(b"root")), outputs=[output(0), output(3)])
    second = first | dict(sequence=1, previousReceiptDigest=b64(H(statement(first))), leafCount=1, outputs=[])
    write("receipt", [dict(publicKey=b64(spki), receipt=r, statement=statement(r).hex(), digest=H(statement(r)).hex(), signature=b64(ed25519_sign(secret, statement(r))[1])) for r in [first, second]])

    write("hash-chain", [dict(seed=H(b"seed").hex(), keys=[k.hex() for k in chain(H(b"seed"), n)]) for n in [1, 5]])

    key, root, node = H(b"key"), H(b"root"), H(b"node")
    samples = []
    for sequence, count, size in [(0, 1, 1), (0, 2, 1), (0, 3, 2), (1, 1000, 20), (2, 1000, 20), (7, 100, 99), (7, 5, 5), (7, 2**48 - 1, 4), (7, 2**47 + 1, 4), (9, 10, 0)]:
        seed, indices = sample(key, root, node, sequence, count, size)
        samples.append(dict(key=key.hex(), root=root.hex(), nodeKey=node.hex(), sequence=sequence, leafCount=count, size=size, seed=seed.hex(), indices=indices))
    write("sample", samples)

main()
