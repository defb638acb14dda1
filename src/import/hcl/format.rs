//! `format` and `formatlist`.

use super::functions::{LIST_MAX, text};
use super::number::Num;
use super::texts::letters;
use super::types::{Type, converted};
use super::value::{Seq, Val};
use crate::import::context::UNSET;
use num_bigint::BigInt;

/// How wide a piece of a format may be.
const WIDTH_MAX: usize = 1_000;

/// What stands between `%` and the letter of a verb.
#[derive(Default)]
struct Flags {
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// A text for each row of the lists; `None` if the format is not computed.
pub(super) fn formatted<'m>(args: &[Val<'m>]) -> Result<Option<Vec<String>>, String> {
    let form = text(args.first())?;
    let rows = |arg: &Val<'_>| match arg {
        Val::List(_, items) => Some(items.len()),
        _ => None,
    };
    let length = args.iter().skip(1).find_map(rows).unwrap_or(1);
    if args.iter().skip(1).filter_map(rows).any(|own| own != length) {
        return Err("the lists have different lengths".to_owned());
    }
    let mut all = Vec::new();
    let mut bytes = 0;
    for at in 0..length {
        let one = |arg: &Val<'m>| match arg {
            Val::List(Seq::Tuple | Seq::List(_) | Seq::Set(_), items) => items.get(at).cloned(),
            value => Some(value.clone()),
        };
        let row: Vec<Val<'m>> = args[1..].iter().filter_map(one).collect();
        let Some(text) = format(&form, &row)? else { return Ok(None) };
        bytes += text.len();
        all.push(text);
        if bytes / 64 > LIST_MAX {
            break;
        }
    }
    Ok(Some(all))
}

/// A text with values in place of its verbs; `None` if it has what is not computed here.
pub(super) fn format(form: &str, args: &[Val<'_>]) -> Result<Option<String>, String> {
    let mut out = String::new();
    let mut next = 0;
    let mut used = 0;
    let mut rest = form.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut flags = Flags::default();
        while let Some(flag) = rest.next_if(|c| "+- 0#".contains(*c)) {
            match flag {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                _ => flags.sharp = true,
            }
        }
        let digits = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut number = None;
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                number = Some(number.unwrap_or(0).min(WIDTH_MAX) * 10 + digit);
            }
            number
        };
        flags.width = digits(&mut rest).unwrap_or(0);
        if rest.next_if_eq(&'.').is_some() {
            flags.precision = Some(digits(&mut rest).unwrap_or(0));
        }
        if rest.next_if_eq(&'[').is_some() {
            let index = digits(&mut rest).and_then(|index| index.checked_sub(1));
            match (index, rest.next()) {
                (Some(index), Some(']')) => next = index,
                _ => return Err("the format has an index that is not closed".to_owned()),
            }
        }
        if flags.width > WIDTH_MAX || flags.precision.is_some_and(|digits| digits > WIDTH_MAX) {
            return Err("the format has a width or a precision above 1,000".to_owned());
        }
        let verb = rest.next().ok_or("the format ends within a verb")?;
        let arg = args.get(next).ok_or("the format has more verbs than there are values")?;
        next += 1;
        used = used.max(next);
        match piece(verb, &flags, arg)? {
            Some(piece) => out.push_str(&piece),
            None => return Ok(None),
        }
    }
    match used < args.len() {
        true => Err("the format has fewer verbs than there are values".to_owned()),
        false => Ok(Some(out)),
    }
}

/// What a verb makes of a value; `None` if it is not computed here.
fn piece(verb: char, flags: &Flags, arg: &Val<'_>) -> Result<Option<String>, String> {
    // What stands for a value that is not known is no number, and is shown as it is.
    if let Val::Str(text) = arg
        && text.contains(UNSET)
    {
        return Ok(Some(text.clone()));
    }
    if matches!(arg, Val::Null) {
        return Ok(None);
    }
    Ok(Some(match verb {
        't' => match converted(arg.clone(), &Type::Bool)? {
            Val::Bool(truth) => truth.to_string(),
            other => other.text().unwrap_or_default(),
        },
        'v' => {
            let whole = match arg {
                _ if flags.sharp => arg.json(),
                Val::Num(number) => number.general(None, 'e'),
                arg => arg.text().unwrap_or_else(|| arg.json()),
            };
            return Ok(padded(whole, flags));
        }
        's' | 'q' => {
            let whole = text(Some(arg))?;
            let Some(all) = letters(&whole) else { return Ok(None) };
            let cut: String = all.into_iter().take(flags.precision.unwrap_or(usize::MAX)).collect();
            return Ok(padded(if verb == 'q' { Val::Str(cut).json() } else { cut }, flags));
        }
        'b' | 'd' | 'o' | 'x' | 'X' if flags.precision.is_none() => {
            let number = whole(arg)?;
            let radix = match verb {
                'b' => 2,
                'd' => 10,
                'o' => 8,
                _ => 16,
            };
            let digits = number.magnitude().to_str_radix(radix);
            let prefix = match verb {
                'b' if flags.sharp => "0b",
                'o' if flags.sharp => "0",
                'x' | 'X' if flags.sharp => "0x",
                _ => "",
            };
            let digits = format!("{prefix}{digits}");
            let digits = if verb == 'X' { digits.to_uppercase() } else { digits };
            signed(number.sign() == num_bigint::Sign::Minus, digits, flags)
        }
        'e' | 'E' | 'f' | 'g' | 'G' if !flags.sharp => {
            let number = number(arg)?;
            let places = flags.precision.unwrap_or(6);
            let letter = if verb.is_uppercase() { 'E' } else { 'e' };
            let digits = match verb {
                'f' => number.fixed(places),
                'g' | 'G' => number.general(flags.precision, letter),
                _ => number.exponential(places, letter),
            };
            match digits.strip_prefix('-') {
                Some(digits) => signed(true, digits.to_owned(), flags),
                None => signed(false, digits, flags),
            }
        }
        'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => return Ok(None),
        other => return Err(format!("the format has the verb `%{other}`, which does not exist")),
    }))
}

fn number(arg: &Val<'_>) -> Result<Num, String> {
    arg.number().ok_or_else(|| format!("{} is not a number", arg.kind()))
}

fn whole(arg: &Val<'_>) -> Result<BigInt, String> {
    let number = number(arg)?;
    match number.is_whole() {
        true => Ok(number.truncated()),
        false => Err(format!("{} is not a whole number", number.text())),
    }
}

/// Digits with their sign, as wide as the flags say.
fn signed(negative: bool, digits: String, flags: &Flags) -> String {
    let sign = match negative {
        true => "-",
        false if flags.plus => "+",
        false if flags.space => " ",
        false => "",
    };
    let missing = flags.width.saturating_sub(sign.len() + digits.len());
    match (flags.minus, flags.zero) {
        (true, _) => format!("{sign}{digits}{}", " ".repeat(missing)),
        (false, true) => format!("{sign}{}{digits}", "0".repeat(missing)),
        (false, false) => format!("{}{sign}{digits}", " ".repeat(missing)),
    }
}

/// A text as wide as the flags say; `None` if its width is not known.
fn padded(text: String, flags: &Flags) -> Option<String> {
    if flags.width == 0 {
        return Some(text);
    }
    let missing = flags.width.saturating_sub(letters(&text)?.len());
    Some(match (flags.minus, flags.zero) {
        (true, _) => text + &" ".repeat(missing),
        (false, true) => "0".repeat(missing) + &text,
        (false, false) => " ".repeat(missing) + &text,
    })
}
