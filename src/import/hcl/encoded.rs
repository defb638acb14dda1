//! Functions that encode and hash texts, and that compute with addresses of networks and with paths.

use super::functions::{Outcome, TEXT_MAX, int, size, text};
use super::types::{Type, converted};
use super::value::Val;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

pub(super) fn encoded<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    let changed = |change: fn(&str) -> String| text(first).map(|t| Val::Str(change(&t)));
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Some(match name {
        "base64encode" => changed(|t| STANDARD.encode(t)),
        "base64decode" => text(first).and_then(|t| {
            let bytes = STANDARD.decode(&t).map_err(|error| error.to_string())?;
            String::from_utf8(bytes).map(Val::Str).map_err(|_| "the text is not UTF-8".to_owned())
        }),
        "sha256" => text(first).map(|t| Val::Str(hex(&Sha256::digest(t)))),
        "sha512" => text(first).map(|t| Val::Str(hex(&Sha512::digest(t)))),
        "base64sha256" => changed(|t| STANDARD.encode(Sha256::digest(t))),
        "base64sha512" => changed(|t| STANDARD.encode(Sha512::digest(t))),
        "urlencode" => changed(|t| {
            let one = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    char::from(byte).to_string()
                }
                b' ' => "+".to_owned(),
                byte => format!("%{byte:02X}"),
            };
            t.bytes().map(one).collect()
        }),
        "basename" => changed(|t| {
            let whole = t.trim_end_matches('/');
            match (whole.rsplit('/').next(), t.is_empty()) {
                (_, true) => ".".to_owned(),
                (Some(""), _) => "/".to_owned(),
                (name, _) => name.unwrap_or_default().to_owned(),
            }
        }),
        "dirname" => changed(|t| cleaned(t.rfind('/').map_or("", |at| &t[..=at]))),
        "yamlencode" => match first {
            Some(value) => {
                let mut out = String::new();
                yaml(value, 0, &mut out)?;
                Ok(Val::Str(out))
            }
            None => Err("an argument is missing".to_owned()),
        },
        "csvdecode" => text(first).and_then(|t| table(&t)),
        "cidrhost" => network(first).and_then(|net| {
            let number = int(args.get(1))?;
            let free = net.bits - net.length;
            let own = if free >= 127 { i128::MAX } else { (1_i128 << free) - 1 };
            let number = i128::from(number);
            let at = if number < 0 { own + 1 + number } else { number };
            match (0..=own).contains(&at) {
                true => Ok(Val::Str(net.address(net.start | at.unsigned_abs()))),
                false => Err(format!("the network has no host {number}")),
            }
        }),
        "cidrnetmask" => network(first).and_then(|net| match net.bits {
            32 => Ok(Val::Str(net.address(net.mask(net.length)))),
            _ => Err("only networks of IPv4 have a mask".to_owned()),
        }),
        "cidrsubnet" => network(first).and_then(|net| {
            let (bits, number) = (size(args.get(1))?, size(args.get(2))?);
            let bits = u32::try_from(bits).unwrap_or(u32::MAX);
            net.subnet(bits, number as u128).map(Val::Str)
        }),
        "cidrsubnets" => network(first).and_then(|net| {
            let mut all = Vec::new();
            let mut next = net.start;
            for arg in &args[1..] {
                let bits = u32::try_from(size(Some(arg))?).unwrap_or(u32::MAX);
                let length = net.length.saturating_add(bits);
                if length > net.bits {
                    return Err("the network is too small".to_owned());
                }
                let step = 1_u128.checked_shl(net.bits - length).unwrap_or(0);
                // Each starts at the next place that it may start at.
                let start = next.div_ceil(step.max(1)).saturating_mul(step.max(1));
                if start & net.mask(net.length) != net.start || start < next {
                    return Err("the network is too small".to_owned());
                }
                all.push(Val::Str(format!("{}/{length}", net.address(start))));
                next = start.saturating_add(step);
            }
            converted(Val::tuple(all), &Type::List(Rc::new(Type::Str)))
        }),
        _ => return None,
    })
}

/// A path without what does not lead anywhere.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            ("..", None) if path.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    let whole = format!("{root}{}", parts.join("/"));
    if whole.is_empty() { ".".to_owned() } else { whole }
}

/// A value as Terraform writes it in YAML; `None` if it has a text that needs more than quotes.
fn yaml(value: &Val<'_>, depth: usize, out: &mut String) -> Option<()> {
    let pad = "  ".repeat(depth);
    match value {
        Val::Map(_, all) if !all.is_empty() => {
            for (at, (key, value)) in all.iter().enumerate() {
                if at > 0 || depth == 0 || out.ends_with('\n') {
                    out.push_str(&pad);
                }
                out.push_str(&format!("{}:", quoted(key)?));
                match value {
                    Val::Map(_, all) if !all.is_empty() => {
                        out.push('\n');
                        yaml(value, depth + 1, out)?;
                    }
                    Val::List(_, items) if !items.is_empty() => {
                        out.push('\n');
                        yaml(value, depth, out)?;
                    }
                    value => {
                        out.push(' ');
                        yaml(value, depth, out)?;
                    }
                }
            }
        }
        Val::List(_, items) if !items.is_empty() => {
            for item in items {
                if matches!(item, Val::List(_, inner) if !inner.is_empty()) {
                    return None;
                }
                out.push_str(&format!("{pad}- "));
                yaml(item, depth + 1, out)?;
            }
        }
        single => {
            out.push_str(&match single {
                Val::Null => "null".to_owned(),
                Val::Map(..) => "{}".to_owned(),
                Val::List(..) => "[]".to_owned(),
                Val::Str(text) => quoted(text)?,
                Val::Bool(_) | Val::Num(_) => single.text()?,
                Val::Loose(_) | Val::Res(_) | Val::Unknown(_) => return None,
            });
            out.push('\n');
        }
    }
    (out.len() <= TEXT_MAX + 1).then_some(())
}

/// A text of YAML in quotes; `None` if it is not plain enough to be written like that for certain.
fn quoted(text: &str) -> Option<String> {
    let plain = |c: char| (' '..='~').contains(&c) && !"\"\\".contains(c);
    (text.chars().all(plain) && text.len() < 70).then(|| format!("\"{text}\""))
}

/// The rows of a table, each an object by the names of the first row.
fn table<'m>(text: &str) -> Result<Val<'m>, String> {
    let mut rows = rows(text)?.into_iter();
    let names = rows.next().ok_or("the table has no row of names")?;
    let mut all = Vec::new();
    for row in rows {
        if row.len() != names.len() {
            return Err("a row has not as many fields as the first one".to_owned());
        }
        let pairs = names.iter().cloned().zip(row.into_iter().map(Val::Str));
        let one: BTreeMap<String, Val<'m>> = pairs.collect();
        if one.len() != names.len() {
            return Err("two columns have one name".to_owned());
        }
        all.push(Val::object(one));
    }
    converted(Val::tuple(all), &Type::List(Rc::new(Type::Any)))
}

fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut rest = text.replace("\r\n", "\n");
    if !rest.ends_with('\n') {
        rest.push('\n');
    }
    let mut rest = rest.as_str();
    while !rest.is_empty() {
        if row.is_empty() && rest.starts_with('\n') {
            rest = &rest[1..];
            continue;
        }
        let mut field = String::new();
        if let Some(inner) = rest.strip_prefix('"') {
            rest = inner;
            loop {
                let end = rest.find('"').ok_or("a quote is not closed")?;
                field.push_str(&rest[..end]);
                rest = &rest[end + 1..];
                match rest.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        rest = after;
                    }
                    None => break,
                }
            }
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            field.push_str(&rest[..end]);
            rest = &rest[end..];
            if field.contains('"') {
                return Err("a quote is within a field that does not begin with one".to_owned());
            }
        }
        row.push(field);
        match rest.chars().next() {
            Some(',') => {}
            Some('\n') => all.push(std::mem::take(&mut row)),
            _ => return Err("something follows a quote that is closed".to_owned()),
        }
        rest = &rest[1..];
    }
    Ok(all)
}

/// A network: its first address, how many bits an address has, and how many of them are the network's.
struct Network {
    start: u128,
    bits: u32,
    length: u32,
}

fn network(value: Option<&Val<'_>>) -> Result<Network, String> {
    let text = text(value)?;
    let wrong = || format!("`{text}` is not a network");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let length: u32 = length.parse().map_err(|_| wrong())?;
    let (start, bits) = match address.parse::<IpAddr>().map_err(|_| wrong())? {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    if length > bits {
        return Err(wrong());
    }
    let network = Network { start, bits, length };
    Ok(Network { start: start & network.mask(length), ..network })
}

impl Network {
    /// The mask of so many bits.
    fn mask(&self, length: u32) -> u128 {
        let all = u128::MAX >> (128 - self.bits);
        all & !all.checked_shr(length).unwrap_or(0)
    }

    fn address(&self, address: u128) -> String {
        match self.bits {
            32 => Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(u32::MAX)).to_string(),
            _ => Ipv6Addr::from_bits(address).to_string(),
        }
    }

    fn subnet(&self, bits: u32, number: u128) -> Result<String, String> {
        let length = self.length.saturating_add(bits);
        let most = 1_u128.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
        if length > self.bits || number > most {
            return Err(format!("the network has no subnet {number} of {bits} more bits"));
        }
        let start = self.start | number.checked_shl(self.bits - length).unwrap_or(0);
        Ok(format!("{}/{length}", self.address(start)))
    }
}
