"""Write a whole file and a whole folder in FOLDER and print their modes and that of the file in the folder."""

import stat
import sys
from pathlib import Path

from lenet.atomic import whole_file, whole_folder

folder = Path(sys.argv[1])
with whole_file(folder / "file") as partial:
    partial.write_text("text")
with whole_folder(folder / "folder") as partial:
    (partial / "inside").write_text("text")
for path in (folder / "file", folder / "folder", folder / "folder" / "inside"):
    print(f"{stat.S_IMODE(path.stat().st_mode):o}")
