//! Reads an expression into a tree, as RE2 does.

use super::{Class, REPEAT_MAX, Tree, add, property};

/// Deepest nesting that is read; RE2's own limit is about as high.
const DEPTH_MAX: usize = 500;

/// The tree of a whole expression, or what is wrong with it.
pub(super) fn parse(expression: &str) -> Result<Tree, String> {
    let mut parser =
        Parser { text: expression.as_bytes(), at: 0, flags: Flags::default(), depth: 0 };
    let tree = parser.alternatives()?;
    match parser.peek() {
        Some(_) => Err("a `)` closes nothing".to_owned()),
        None => Ok(tree),
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    dot_all: bool,
    /// `^` and `$` stand for the ends of a line, too.
    lines: bool,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.text[self.at..].starts_with(text.as_bytes());
        if found {
            self.at += text.len();
        }
        found
    }

    fn alternatives(&mut self) -> Result<Tree, String> {
        let outer = self.flags;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("its groups are nested too deeply".to_owned());
        }
        let mut all = vec![self.sequence()?];
        while self.eat("|") {
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        self.flags = outer;
        Ok(if all.len() == 1 { all.remove(0) } else { Tree::Either(all) })
    }

    fn sequence(&mut self) -> Result<Tree, String> {
        let mut all = Vec::new();
        // Whether the last item is a repetition, which cannot be repeated again.
        let mut repeated = false;
        while let Some(byte) = self.peek() {
            if byte == b'|' || byte == b')' {
                break;
            }
            if let Some((min, max)) = self.repetition()? {
                let Some(item) = all.pop() else {
                    return Err("a repetition repeats nothing".to_owned());
                };
                if repeated {
                    return Err("a repetition is repeated".to_owned());
                }
                repeated = true;
                self.eat("?");
                all.push(Tree::Repeat(Box::new(item), min, max));
                continue;
            }
            repeated = false;
            if self.eat("\\Q") {
                while self.peek().is_some() && !self.eat("\\E") {
                    let byte = self.next().unwrap_or_default();
                    all.push(self.literal(byte));
                }
                continue;
            }
            if let Some(item) = self.item()? {
                all.push(item);
            }
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Tree::All(all) })
    }

    /// `*`, `+`, `?` or a count. Braces that are no count are letters.
    fn repetition(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        let found = match self.peek() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => return self.count(),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(found))
    }

    fn count(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        let rest = &self.text[self.at + 1..];
        let Some(end) = rest.iter().position(|byte| *byte == b'}') else { return Ok(None) };
        let inner = String::from_utf8_lossy(&rest[..end]).into_owned();
        let number = |text: &str| {
            let zeros = text.len() > 1 && text.starts_with('0');
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            (digits && !zeros).then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let (min, max) = match inner.split_once(',') {
            None => match number(&inner) {
                Some(n) => (n, Some(n)),
                None => return Ok(None),
            },
            Some((min, "")) => match number(min) {
                Some(n) => (n, None),
                None => return Ok(None),
            },
            Some((min, max)) => match (number(min), number(max)) {
                (Some(min), Some(max)) => (min, Some(max)),
                _ => return Ok(None),
            },
        };
        if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
            return Err(format!(
                "the repetition `{{{inner}}}` is out of range (0 to {REPEAT_MAX})"
            ));
        }
        self.at += end + 2;
        Ok(Some((min, max)))
    }

    /// An item; `None` is a change of flags, which is nothing that could be repeated.
    fn item(&mut self) -> Result<Option<Tree>, String> {
        Ok(Some(match self.next().unwrap_or_default() {
            b'(' => return self.group(),
            b'[' => self.class()?,
            b'^' if self.flags.lines => Tree::LineStart,
            b'$' if self.flags.lines => Tree::LineEnd,
            b'^' => Tree::Start,
            b'$' => Tree::End,
            b'.' => {
                let mut class = Class([true; 256]);
                class.0[usize::from(b'\n')] = self.flags.dot_all;
                Tree::One(Box::new(class))
            }
            b'\\' => self.escape()?,
            byte => self.literal(byte),
        }))
    }

    fn group(&mut self) -> Result<Option<Tree>, String> {
        let mut captures = true;
        let outer = self.flags;
        if self.eat("?P<") || self.eat("?<") {
            let name = self.text[self.at..].iter().position(|byte| *byte == b'>');
            let Some(length) = name.filter(|length| *length > 0) else {
                return Err("a group has a name without end (a look-behind is not known)".into());
            };
            let letters = &self.text[self.at..self.at + length];
            if !letters.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                return Err("a look-behind is not known, nor a name with other characters".into());
            }
            self.at += length + 1;
        } else if self.eat("?") {
            captures = false;
            if self.flag_group()? {
                return Ok(None);
            }
        }
        let tree = self.alternatives()?;
        self.flags = outer;
        if !self.eat(")") {
            return Err("a `(` is not closed".to_owned());
        }
        Ok(Some(if captures { Tree::Group(Box::new(tree)) } else { tree }))
    }

    /// Reads `flags:` or `flags)`; the latter holds for the rest of the group around it.
    fn flag_group(&mut self) -> Result<bool, String> {
        let mut on = true;
        // A minus takes back at least one flag, and there is one minus.
        let mut idle = false;
        loop {
            match self.next() {
                Some(end @ (b':' | b')')) if !idle => return Ok(end == b')'),
                Some(b'-') if on => {
                    on = false;
                    idle = true;
                    continue;
                }
                Some(b'i') => self.flags.fold = on,
                Some(b's') => self.flags.dot_all = on,
                Some(b'm') => self.flags.lines = on,
                // Greed changes what a group holds, never whether the whole matches.
                Some(b'U') => {}
                Some(b'=' | b'!') => return Err("a look-ahead is not known".to_owned()),
                Some(other) => {
                    return Err(format!("`{}` among flags is not known", shown(other)));
                }
                None => return Err("a `(` is not closed".to_owned()),
            }
            idle = false;
        }
    }

    fn literal(&mut self, byte: u8) -> Tree {
        let mut class = Class([false; 256]);
        class.0[usize::from(byte)] = true;
        Tree::One(Box::new(self.folded(class)))
    }

    /// With both cases of ASCII letters, if the flag `i` is set. RE2 folds no others here.
    fn folded(&self, mut class: Class) -> Class {
        if self.flags.fold {
            for letter in b'a'..=b'z' {
                let (lower, upper) = (usize::from(letter), usize::from(letter - 32));
                let either = class.0[lower] || class.0[upper];
                (class.0[lower], class.0[upper]) = (either, either);
            }
        }
        class
    }

    /// A class with a name, perhaps the opposite of it: the cases are folded before.
    fn named(&self, class: Class, negated: bool) -> Class {
        let mut class = self.folded(class);
        if negated {
            for slot in &mut class.0 {
                *slot = !*slot;
            }
        }
        class
    }

    fn escape(&mut self) -> Result<Tree, String> {
        let place = match self.peek() {
            Some(b'A') => Tree::Start,
            Some(b'z') => Tree::End,
            Some(word @ (b'b' | b'B')) => Tree::Word(word == b'b'),
            Some(b'C') => Tree::One(Box::new(Class([true; 256]))),
            _ => {
                return match self.escaped_class()? {
                    Some(class) => Ok(Tree::One(Box::new(class))),
                    None => self.escaped_byte().map(|byte| self.literal(byte)),
                };
            }
        };
        self.at += 1;
        Ok(place)
    }

    /// The class that follows a backslash, in brackets or outside of them; `None` if a single byte
    /// follows.
    fn escaped_class(&mut self) -> Result<Option<Class>, String> {
        let Some(byte) = self.peek() else { return Err("it ends in a backslash".to_owned()) };
        let negated = byte.is_ascii_uppercase();
        if byte == b'p' || byte == b'P' {
            self.at += 1;
            return self.property(negated).map(Some);
        }
        let Some(class) = property::perl(byte.to_ascii_lowercase()) else { return Ok(None) };
        self.at += 1;
        Ok(Some(self.named(class, negated)))
    }

    fn property(&mut self, mut negated: bool) -> Result<Class, String> {
        let rest = &self.text[self.at..];
        let name = match rest.first() {
            None => return Err("`\\p` needs a class such as `\\pL` or `\\p{Greek}`".to_owned()),
            Some(b'{') => match rest.iter().position(|byte| *byte == b'}') {
                Some(end) => &rest[1..end],
                None => return Err("`\\p{` is not closed".to_owned()),
            },
            Some(_) => &rest[..1],
        };
        self.at += if rest[0] == b'{' { name.len() + 2 } else { 1 };
        let name = String::from_utf8_lossy(name);
        let bare = match name.strip_prefix('^') {
            Some(bare) => {
                negated = !negated;
                bare
            }
            None => name.as_ref(),
        };
        let class = property::unicode(bare)
            .ok_or_else(|| format!("`{name}` is no category or script for `\\p`"))?;
        Ok(self.named(class, negated))
    }

    /// The byte that an escape stands for; the backslash has been read.
    fn escaped_byte(&mut self) -> Result<u8, String> {
        let Some(byte) = self.next() else { return Err("it ends in a backslash".to_owned()) };
        Ok(match byte {
            b'a' => 7,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'x' => return self.hexadecimal(),
            b'0' => return self.octal(0),
            b'1'..=b'7' if matches!(self.peek(), Some(b'0'..=b'7')) => {
                return self.octal(byte - b'0');
            }
            b'1'..=b'9' => {
                return Err(format!("the back reference `\\{}` is not known", char::from(byte)));
            }
            _ if byte.is_ascii_alphanumeric() || !byte.is_ascii() => {
                return Err(format!("`\\{}` is not known", shown(byte)));
            }
            _ => byte,
        })
    }

    fn octal(&mut self, first: u8) -> Result<u8, String> {
        let mut value = u32::from(first);
        for _ in 0..2 {
            let Some(digit @ b'0'..=b'7') = self.peek() else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.at += 1;
        }
        u8::try_from(value).map_err(|_| format!("`\\{value:o}` is beyond `\\377`"))
    }

    fn hexadecimal(&mut self) -> Result<u8, String> {
        let bad = || "`\\x` needs two digits, or up to FF in braces".to_owned();
        let digits = if self.eat("{") {
            let length = self.text[self.at..].iter().position(|b| *b == b'}').ok_or_else(bad)?;
            let digits = &self.text[self.at..self.at + length];
            self.at += length + 1;
            digits
        } else {
            let digits = self.text.get(self.at..self.at + 2).ok_or_else(bad)?;
            self.at += 2;
            digits
        };
        let text = std::str::from_utf8(digits).map_err(|_| bad())?;
        // `from_str_radix` would take a sign.
        let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(text, 16).ok().filter(|_| hexadecimal).ok_or_else(bad)
    }

    fn class(&mut self) -> Result<Tree, String> {
        let open = || "a `[` is not closed".to_owned();
        let negated = self.eat("^");
        let mut class = Class([false; 256]);
        let mut first = true;
        loop {
            let byte = self.next().ok_or_else(open)?;
            if byte == b']' && !first {
                break;
            }
            first = false;
            if byte == b'[' && self.peek() == Some(b':') && self.posix(&mut class)? {
                continue;
            }
            let low = if byte == b'\\' {
                match self.escaped_class()? {
                    Some(more) => {
                        add(&mut class, &more);
                        continue;
                    }
                    None => self.escaped_byte()?,
                }
            } else {
                byte
            };
            let mut high = low;
            let after = self.text.get(self.at + 1).copied();
            if self.peek() == Some(b'-') && after.is_some_and(|byte| byte != b']') {
                self.at += 1;
                high = match self.next().ok_or_else(open)? {
                    b'\\' => match self.escaped_class()? {
                        Some(_) => return Err("a range ends in a whole class".to_owned()),
                        None => self.escaped_byte()?,
                    },
                    byte => byte,
                };
            }
            if high < low {
                return Err(format!("the range `{}-{}` is empty", shown(low), shown(high)));
            }
            let mut range = Class([false; 256]);
            range.0[usize::from(low)..=usize::from(high)].fill(true);
            add(&mut class, &self.folded(range));
        }
        if negated {
            for slot in &mut class.0 {
                *slot = !*slot;
            }
        }
        Ok(Tree::One(Box::new(class)))
    }

    /// `[:name:]` inside of a class; the `[` has been read.
    fn posix(&mut self, class: &mut Class) -> Result<bool, String> {
        let rest = &self.text[self.at..];
        let end = rest.windows(2).skip(1).position(|two| two == b":]");
        let Some(end) = end.map(|end| end + 1) else { return Ok(false) };
        let name = String::from_utf8_lossy(&rest[1..end]).into_owned();
        let (negated, bare) = match name.strip_prefix('^') {
            Some(bare) => (true, bare),
            None => (false, name.as_str()),
        };
        let named =
            property::posix(bare).ok_or_else(|| format!("the class `[:{name}:]` is not known"))?;
        add(class, &self.named(named, negated));
        self.at += end + 2;
        Ok(true)
    }
}

/// A byte in a message: what is no letter of ASCII, by its number.
fn shown(byte: u8) -> String {
    match byte.is_ascii_graphic() {
        true => char::from(byte).to_string(),
        false => format!("\\x{byte:02x}"),
    }
}
