"""Every link of a page leads somewhere: to a file or a folder of the tree, and to a heading where it names one."""

import re
import unittest

from pages import FOLDERS, ROOT, pages, prose

LINK = re.compile(r"\]\(([^()\s]+)\)")
NAME = re.compile(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/[\w/.-]*\.md\b")
SOURCES = (".cmake", ".cpp", ".cu", ".hpp", ".json", ".py", ".sh", ".txt")


def anchor(heading):
    """As GitHub makes it: lower case, punctuation gone, a hyphen for every space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page):
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", page, re.M)}


class Links(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_heading_that_exist(self):
        texts, checked, broken = pages(), 0, []
        for name, text in texts.items():
            for link in LINK.findall(prose(text)):
                if "://" in link:
                    continue
                path, _, heading = link.partition("#")
                target = (ROOT / name).parent / path if path else ROOT / name
                if not target.exists() or (heading and heading not in anchors(target.read_text(encoding="utf-8"))):
                    broken.append(f"{name}: {link}")
                checked += 1
        print(checked, "links of", len(texts), "pages")
        self.assertEqual(broken, [])
        self.assertGreater(checked, 100)

    def test_every_page_that_a_source_names_exists(self):
        checked, broken = 0, []
        for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
            if path.suffix not in SOURCES or "corpus" in path.parts:
                continue
            for page in NAME.findall(path.read_text(encoding="utf-8", errors="replace")):
                if not (ROOT / page).exists():
                    broken.append(f"{path.relative_to(ROOT)}: {page}")
                checked += 1
        print(checked, "names of pages in sources")
        self.assertEqual(broken, [])
        self.assertGreater(checked, 10)


if __name__ == "__main__":
    unittest.main()
