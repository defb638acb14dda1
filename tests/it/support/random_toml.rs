//! TOML 1.1 files made by chance, the same ones every run: every form of the language.

use super::random_mesh::Chance;

/// A file, and the comments in it in their order; no two are alike.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) comments: Vec<String>,
}

/// A file by a seed.
pub(crate) fn file(seed: u64) -> Written {
    let mut writer =
        Writer { chance: Chance::new(seed), out: String::new(), comments: vec![], keys: 0 };
    writer.file();
    let Writer { mut chance, mut out, comments, .. } = writer;
    if chance.once_in(3) {
        out = out.replace('\n', "\r\n");
    }
    Written { text: out, comments }
}

const STRINGS: [&str; 22] = [
    r#""""#,
    r#""plain""#,
    r#""with \"quotes\" and \\""#,
    r#""\e[1m\x41\u00e9\U0001F600""#,
    "\"# no comment\"",
    r#""é 日本""#,
    r#""{ a = [""#,
    "''",
    "'literal \\ \"'",
    "'# no comment, ]}'",
    "\"\"\"\"\"\"",
    "\"\"\"one\"\"\"",
    "\"\"\"\nfirst\n  second\n\"\"\"",
    "\"\"\"a \\\n   b \\e \\x7e\"\"\"",
    "\"\"\"ends with a quote\"\"\"\"",
    "\"\"\"two \"\" inside\"\"\"\"\"",
    "\"\"\"\n# no comment\n\n\n\nx = 1\"\"\"",
    "''''''",
    "'''\nraw \\e\n# no comment\n'''",
    "'''it's''''",
    "'''two'''''",
    "\"tab\\t\\b\\f\\n\\r\"",
];
const SCALARS: [&str; 38] = [
    "0",
    "-0",
    "+17",
    "1_000",
    "0xDEAD_beef",
    "0o755",
    "0b1101_0001",
    "9223372036854775807",
    "0.0",
    "-1.5",
    "+3.14_15",
    "1e10",
    "5e+22",
    "6.626e-34",
    "1_0.2_5e1_0",
    "inf",
    "-inf",
    "nan",
    "true",
    "false",
    "1979-05-27T07:32:00Z",
    "1979-05-27 07:32:00.999-07:00",
    "1979-05-27T07:32",
    "1979-05-27 07:32Z",
    "1979-05-27t07:32:00.5z",
    "1979-05-27",
    "0001-01-01",
    "07:32",
    "07:32:00",
    "23:59:59.123456",
    "1979-05-27 07:32",
    "2000-02-29T00:00+14:00",
    "0987-07-05 17:45:00",
    "+inf",
    "+0.0",
    "0x0",
    "-9_2",
    "1E3",
];

struct Writer {
    chance: Chance,
    out: String,
    comments: Vec<String>,
    keys: usize,
}

impl Writer {
    fn file(&mut self) {
        self.lines_between();
        for _ in 0..self.chance.below(5) {
            self.pair();
            self.end_of_line();
        }
        for _ in 0..self.chance.below(4) {
            let key = self.dotted();
            let (open, close) = if self.chance.once_in(3) { ("[[", "]]") } else { ("[", "]") };
            self.blank();
            self.out.push_str(open);
            self.blank();
            self.out.push_str(&key);
            self.blank();
            self.out.push_str(close);
            self.end_of_line();
            for _ in 0..self.chance.below(4) {
                self.pair();
                self.end_of_line();
            }
        }
        if self.chance.once_in(4) {
            // A file need not end with a line end.
            let length = self.out.trim_end_matches([' ', '\t', '\n']).len();
            self.out.truncate(length);
        }
    }

    fn blank(&mut self) {
        let blank = self.chance.pick(&["", "", " ", "  ", "\t", " \t "]);
        self.out.push_str(blank);
    }

    fn comment(&mut self) {
        let number = self.comments.len();
        let text = self.chance.pick(&[
            "",
            " plain",
            " \"open",
            " 'open",
            " a = { b = 1, }",
            "#",
            " é\t日本",
            "!]}",
        ]);
        let text = format!("#{number}{text}");
        self.out.push_str(&text);
        self.comments.push(text);
        self.blank();
    }

    fn end_of_line(&mut self) {
        self.blank();
        if self.chance.once_in(3) {
            self.comment();
        }
        self.out.push('\n');
        self.lines_between();
    }

    fn lines_between(&mut self) {
        for _ in 0..self.chance.pick(&[0, 0, 0, 1, 1, 2, 4]) {
            self.blank();
            if self.chance.once_in(2) {
                self.comment();
            }
            self.out.push('\n');
        }
    }

    /// Blanks, and line ends and comments as they may stand in arrays and inline tables.
    fn gap(&mut self) {
        self.blank();
        for _ in 0..self.chance.pick(&[0, 0, 0, 1, 2]) {
            if self.chance.once_in(2) {
                self.comment();
            }
            self.out.push('\n');
            self.blank();
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        let number = self.keys;
        match self.chance.below(8) {
            0 => format!("\"k {number}\""),
            1 => format!("'k.{number}'"),
            2 => format!("\"\\e{number}\""),
            3 => format!("\"é#{number}\""),
            4 => format!("{number}"),
            5 => format!("2001-02-{number}"),
            _ => format!("key_{number}"),
        }
    }

    fn dotted(&mut self) -> String {
        let mut text = self.key();
        while self.chance.once_in(4) {
            text.push_str(self.chance.pick(&[".", " . ", ".\t"]));
            text.push_str(&self.key());
        }
        text
    }

    fn pair(&mut self) {
        self.blank();
        self.bare_pair(0);
    }

    fn bare_pair(&mut self, depth: u64) {
        let key = self.dotted();
        self.out.push_str(&key);
        self.blank();
        self.out.push('=');
        self.blank();
        self.value(depth);
    }

    fn value(&mut self, depth: u64) {
        match self.chance.below(10) {
            0..3 => {
                let text = self.chance.pick(&STRINGS);
                self.out.push_str(text);
            }
            3 if depth == 0 => {
                let width = self.chance.below(120);
                let text = "x".repeat(usize::try_from(width).unwrap_or(0));
                self.out.push_str(&format!("\"{text}\""));
            }
            6 | 7 if depth < 4 => self.list('[', ']', depth, Self::value),
            8 | 9 if depth < 4 => self.list('{', '}', depth, Self::bare_pair),
            _ => {
                let text = self.chance.pick(&SCALARS);
                self.out.push_str(text);
            }
        }
    }

    /// An array or an inline table: on one line, or with gaps.
    fn list(&mut self, open: char, close: char, depth: u64, item: fn(&mut Self, u64)) {
        let loose = self.chance.once_in(2);
        let gap = if loose { Self::gap } else { Self::blank };
        self.out.push(open);
        gap(self);
        let count = self.chance.pick(&[0, 1, 2, 3, 5, 12]);
        for at in 0..count {
            item(self, depth + 1);
            gap(self);
            if at + 1 < count || self.chance.once_in(3) {
                self.out.push(',');
                gap(self);
            }
        }
        self.out.push(close);
    }
}
