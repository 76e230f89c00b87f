import json
import sys

if sys.argv[1:] == ["--version"]:
    print("tool 1.0")
else:
    print(json.dumps({"total": sum(int(word) for word in sys.argv[1:])}))
