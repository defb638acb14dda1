//! Reads an expression into a tree, as RE2 does.

use super::{Class, REPEAT_MAX, Tree, add};

/// Deepest nesting that is read; RE2's own limit is about as high.
const DEPTH_MAX: usize = 500;

/// The tree of a whole expression, or what is wrong with it; and the first construct whose meaning
/// the tree only comes near to.
pub(super) fn parse(expression: &str) -> Result<(Tree, Option<&'static str>), String> {
    let mut parser = Parser {
        text: expression.as_bytes(),
        at: 0,
        flags: Flags::default(),
        depth: 0,
        inexact: None,
    };
    let tree = parser.alternatives()?;
    match parser.peek() {
        Some(_) => Err("a `)` closes nothing".to_owned()),
        None => Ok((tree, parser.inexact)),
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    dot_all: bool,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    depth: usize,
    inexact: Option<&'static str>,
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
            all.push(self.item()?);
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
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
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

    fn item(&mut self) -> Result<Tree, String> {
        match self.next().unwrap_or_default() {
            b'(' => self.group(),
            b'[' => self.class(),
            b'^' => Ok(Tree::Start),
            b'$' => Ok(Tree::End),
            b'.' => {
                let mut class = Class([true; 256]);
                class.0[usize::from(b'\n')] = self.flags.dot_all;
                Ok(Tree::One(Box::new(class)))
            }
            b'\\' => self.escape(),
            byte => Ok(self.literal(byte)),
        }
    }

    fn group(&mut self) -> Result<Tree, String> {
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
                return Ok(Tree::Empty);
            }
        }
        let tree = self.alternatives()?;
        self.flags = outer;
        if !self.eat(")") {
            return Err("a `(` is not closed".to_owned());
        }
        Ok(if captures { Tree::Group(Box::new(tree)) } else { tree })
    }

    /// Reads `flags:` or `flags)`; the latter holds for the rest of the group around it.
    fn flag_group(&mut self) -> Result<bool, String> {
        let mut on = true;
        loop {
            match self.next() {
                Some(b':') => return Ok(false),
                Some(b')') => return Ok(true),
                Some(b'-') => on = false,
                Some(b'i') => self.flags.fold = on,
                Some(b's') => self.flags.dot_all = on,
                // Greed changes what a group holds, never whether the whole matches.
                Some(b'U') => {}
                Some(b'm') => self.inexact = self.inexact.or(Some("the flag `m`")),
                Some(b'=' | b'!') => return Err("a look-ahead is not known".to_owned()),
                Some(other) => {
                    return Err(format!("`(?{}` is not known", char::from(other)));
                }
                None => return Err("a `(` is not closed".to_owned()),
            }
        }
    }

    fn literal(&mut self, byte: u8) -> Tree {
        let mut class = Class([false; 256]);
        class.0[usize::from(byte)] = true;
        Tree::One(Box::new(self.folded(class)))
    }

    fn folded(&mut self, mut class: Class) -> Class {
        if self.flags.fold {
            let beyond = &class.0[128..];
            if beyond.contains(&true) && beyond.contains(&false) {
                // RE2 folds the letters of Latin-1 too.
                self.inexact = self.inexact.or(Some("the flag `i` beyond ASCII"));
            }
            for letter in b'a'..=b'z' {
                let (lower, upper) = (usize::from(letter), usize::from(letter - 32));
                let either = class.0[lower] || class.0[upper];
                (class.0[lower], class.0[upper]) = (either, either);
            }
        }
        class
    }

    fn escape(&mut self) -> Result<Tree, String> {
        match self.peek() {
            Some(b'A') => {
                self.at += 1;
                Ok(Tree::Start)
            }
            Some(b'z') => {
                self.at += 1;
                Ok(Tree::End)
            }
            Some(word @ (b'b' | b'B')) => {
                self.at += 1;
                Ok(Tree::Word(word == b'b'))
            }
            Some(b'C') => {
                self.at += 1;
                Ok(Tree::One(Box::new(Class([true; 256]))))
            }
            _ => {
                let class = self.escaped_class()?;
                Ok(Tree::One(Box::new(self.folded(class))))
            }
        }
    }

    /// What follows a backslash, in a class or outside of one.
    fn escaped_class(&mut self) -> Result<Class, String> {
        let mut class = Class([false; 256]);
        let Some(byte) = self.next() else { return Err("it ends in a backslash".to_owned()) };
        let set: fn(u8) -> bool = match byte.to_ascii_lowercase() {
            b'd' => |b| b.is_ascii_digit(),
            b'w' => |b| b.is_ascii_alphanumeric() || b == b'_',
            b's' => |b| matches!(b, b'\t' | b'\n' | 0x0c | b'\r' | b' '),
            b'p' => {
                self.property()?;
                self.inexact = self.inexact.or(Some("`\\p`"));
                // Near enough: what matters is that it can be read.
                |b| b.is_ascii_alphabetic()
            }
            _ => {
                class.0[usize::from(self.escaped_byte(byte)?)] = true;
                return Ok(class);
            }
        };
        let negated = byte.is_ascii_uppercase();
        for (at, slot) in class.0.iter_mut().enumerate() {
            *slot = set(at as u8) != negated;
        }
        Ok(class)
    }

    fn property(&mut self) -> Result<(), String> {
        if !self.eat("{") {
            return match self.next() {
                Some(b'C' | b'L' | b'M' | b'N' | b'P' | b'S' | b'Z') => Ok(()),
                _ => Err("`\\p` needs a class such as `\\pL` or `\\p{Greek}`".to_owned()),
            };
        }
        let end = self.text[self.at..].iter().position(|byte| *byte == b'}');
        let Some(length) = end.filter(|length| *length > 0) else {
            return Err("`\\p{` is not closed".to_owned());
        };
        self.at += length + 1;
        Ok(())
    }

    fn escaped_byte(&mut self, byte: u8) -> Result<u8, String> {
        Ok(match byte {
            b'a' => 7,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'x' => return self.hexadecimal(),
            b'0' => self.octal(0),
            b'1'..=b'7' if matches!(self.peek(), Some(b'0'..=b'7')) => self.octal(byte - b'0'),
            b'1'..=b'9' => {
                return Err(format!("the back reference `\\{}` is not known", char::from(byte)));
            }
            _ if byte.is_ascii_alphanumeric() => {
                return Err(format!("`\\{}` is not known", char::from(byte)));
            }
            _ => byte,
        })
    }

    fn octal(&mut self, first: u8) -> u8 {
        let mut value = u32::from(first);
        for _ in 0..2 {
            let Some(digit @ b'0'..=b'7') = self.peek() else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.at += 1;
        }
        value as u8
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
        u8::from_str_radix(text, 16).map_err(|_| bad())
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
                let escaped = self.escaped_class()?;
                match single(&escaped) {
                    Some(byte) => byte,
                    None => {
                        add(&mut class, &escaped);
                        continue;
                    }
                }
            } else {
                byte
            };
            let mut high = low;
            let after = self.text.get(self.at + 1).copied();
            if self.peek() == Some(b'-') && after.is_some_and(|byte| byte != b']') {
                self.at += 1;
                high = match self.next().ok_or_else(open)? {
                    b'\\' => single(&self.escaped_class()?)
                        .ok_or_else(|| "a range ends in a whole class".to_owned())?,
                    byte => byte,
                };
            }
            if high < low {
                let (low, high) = (char::from(low), char::from(high));
                return Err(format!("the range `{low}-{high}` is empty"));
            }
            for byte in low..=high {
                class.0[usize::from(byte)] = true;
            }
        }
        let mut class = self.folded(class);
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
        let Some(end) = rest.windows(2).position(|two| two == b":]").filter(|end| *end > 0) else {
            return Ok(false);
        };
        let name = String::from_utf8_lossy(&rest[1..end]).into_owned();
        let (negated, bare) = match name.strip_prefix('^') {
            Some(bare) => (true, bare),
            None => (false, name.as_str()),
        };
        let set: fn(u8) -> bool = match bare {
            "alnum" => |b| b.is_ascii_alphanumeric(),
            "alpha" => |b| b.is_ascii_alphabetic(),
            "ascii" => |b| b.is_ascii(),
            "blank" => |b| b == b' ' || b == b'\t',
            "cntrl" => |b| b.is_ascii_control(),
            "digit" => |b| b.is_ascii_digit(),
            "graph" => |b| b.is_ascii_graphic(),
            "lower" => |b| b.is_ascii_lowercase(),
            "print" => |b| b.is_ascii_graphic() || b == b' ',
            "punct" => |b| b.is_ascii_punctuation(),
            "space" => |b| matches!(b, 9..=13 | b' '),
            "upper" => |b| b.is_ascii_uppercase(),
            "word" => |b| b.is_ascii_alphanumeric() || b == b'_',
            "xdigit" => |b| b.is_ascii_hexdigit(),
            _ => return Err(format!("the class `[:{name}:]` is not known")),
        };
        for byte in 0..=255u8 {
            if set(byte) != negated {
                class.0[usize::from(byte)] = true;
            }
        }
        self.at += end + 2;
        Ok(true)
    }
}

fn single(class: &Class) -> Option<u8> {
    let mut members = class.0.iter().enumerate().filter(|(_, there)| **there);
    let (first, _) = members.next()?;
    members.next().is_none().then_some(first as u8)
}
