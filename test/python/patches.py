# What patches.test.ts compares with: a line {"kind", "document", "patch"} comes in, the patched document goes out, or null where the patch does not apply.
import json, sys
from json_merge_patch import merge
from jsonpatch import JsonPatchException, apply_patch
from jsonpointer import JsonPointerException

for line in sys.stdin:
    task = json.loads(line)
    try:
        apply = merge if task["kind"] == "merge" else apply_patch
        result = {"document": apply(task["document"], task["patch"])}
    # The last three are how it refuses to copy what stands at "-".
    except (JsonPatchException, JsonPointerException, TypeError, KeyError, IndexError):
        result = None
    print(json.dumps(result), flush=True)
