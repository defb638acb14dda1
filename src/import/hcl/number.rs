//! Numbers as Terraform computes with them: binary, rounded to as many bits as the operands have,
//! which are 512 of what is written in files.

use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;

/// How many bits a number has that is written as text.
const WRITTEN: u64 = 512;
/// How many bits a number has that counts something.
const COUNTED: u64 = 64;
/// How large an exponent may be, in bits: what is beyond has no value here.
const EXPONENT_MAX: i64 = 1 << 15;
/// How many digits a text may have.
const DIGITS_MAX: usize = 4_096;

/// A number: `mantissa * 2^exponent`, where the mantissa is odd or zero.
#[derive(Clone, Debug)]
pub(super) struct Num {
    mantissa: BigInt,
    exponent: i64,
    /// How many bits results are rounded to.
    bits: u64,
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.mantissa == other.mantissa && self.exponent == other.exponent
    }
}

impl From<usize> for Num {
    fn from(count: usize) -> Self {
        Self { bits: COUNTED, ..Self::whole(BigInt::from(count)) }
    }
}

/// Decimal digits, and where the point is: `0.DIGITS * 10^point`.
struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Num {
    /// A whole number, with as many bits as it needs.
    pub(super) fn whole(number: BigInt) -> Self {
        let bits = number.bits().max(COUNTED);
        Self { mantissa: number, exponent: 0, bits }.reduced()
    }

    /// The number that a text writes in decimal.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        let legal = !all.is_empty() && all.bytes().all(|c| c.is_ascii_digit());
        if !legal || all.len() > DIGITS_MAX || exponent.abs() > EXPONENT_MAX / 4 {
            return None;
        }
        let exponent = exponent - i64::try_from(fraction.len()).ok()?;
        let number: BigInt = all.parse().ok()?;
        let number = if text.starts_with('-') { -number } else { number };
        let ten = BigInt::from(10).pow(u32::try_from(exponent.unsigned_abs()).ok()?);
        match exponent < 0 {
            true => quotient(&number, &ten, 0, WRITTEN),
            false => rounded(number * ten, 0, false, WRITTEN),
        }
    }

    /// The number of 64 bits that some functions give.
    pub(super) fn of(number: f64) -> Option<Self> {
        let parsed = number.is_finite().then(|| format!("{number:e}"))?;
        let exact = Self::parse(&parsed)?;
        rounded(exact.mantissa, exact.exponent, false, 53)
    }

    fn reduced(mut self) -> Self {
        let zeros = self.mantissa.trailing_zeros().unwrap_or(0);
        self.mantissa >>= zeros;
        self.exponent = match self.mantissa.sign() {
            Sign::NoSign => 0,
            Sign::Minus | Sign::Plus => self.exponent + zeros.cast_signed(),
        };
        self
    }

    /// Both mantissas at the smaller exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let at = |number: &Self| &number.mantissa << (number.exponent - exponent).unsigned_abs();
        (at(self), at(other), exponent)
    }

    pub(super) fn negated(&self) -> Self {
        Self { mantissa: -&self.mantissa, ..self.clone() }
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let (a, b, exponent) = self.aligned(other);
        rounded(a + b, exponent, false, self.bits.max(other.bits))
    }

    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.negated())
    }

    /// The product: exact as far as 512 bits reach.
    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        let product = rounded(
            &self.mantissa * &other.mantissa,
            self.exponent + other.exponent,
            false,
            WRITTEN,
        )?;
        let bits = product.mantissa.bits().max(self.bits).max(other.bits);
        Some(Self { bits, ..product })
    }

    /// The quotient; `None` of zero.
    pub(super) fn over(&self, other: &Self) -> Option<Self> {
        let exponent = self.exponent - other.exponent;
        quotient(&self.mantissa, &other.mantissa, exponent, self.bits.max(other.bits))
    }

    /// What remains of a division, with the sign of the dividend.
    pub(super) fn modulo(&self, other: &Self) -> Option<Self> {
        let times = Self { bits: self.bits, ..Self::whole(self.over(other)?.truncated()) };
        let whole = rounded(
            &times.mantissa * &other.mantissa,
            times.exponent + other.exponent,
            false,
            self.bits,
        )?;
        self.minus(&whole)
    }

    /// Without what is behind the point.
    pub(super) fn truncated(&self) -> BigInt {
        let by = self.exponent.unsigned_abs();
        match self.exponent < 0 {
            true => match self.mantissa.sign() {
                Sign::Minus => -(-&self.mantissa >> by),
                Sign::NoSign | Sign::Plus => &self.mantissa >> by,
            },
            false => &self.mantissa << by,
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.exponent >= 0
    }

    /// The next whole number that is not larger.
    pub(super) fn floor(&self) -> Self {
        match self.exponent < 0 {
            // A shift of a negative number rounds down.
            true => Self::whole(&self.mantissa >> self.exponent.unsigned_abs()),
            false => self.clone(),
        }
    }

    /// The next whole number that is not smaller.
    pub(super) fn ceil(&self) -> Self {
        self.negated().floor().negated()
    }

    /// The number as one of 64 bits; `None` beyond its range or with a fraction.
    pub(super) fn int(&self) -> Option<i64> {
        self.is_whole().then(|| self.truncated())?.try_into().ok()
    }

    /// The nearest number of 64 bits.
    pub(super) fn float(&self) -> f64 {
        self.exponential(20, 'e').parse().unwrap_or(f64::NAN)
    }

    /// The digits that tell the number from others of as many bits.
    fn shortest(&self) -> Decimal {
        let magnitude = self.mantissa.magnitude();
        let known = magnitude.bits();
        let bits = self.bits.max(known);
        // One bit more than the number has: the last is half of its smallest step.
        let up = bits + 1 - known;
        let mantissa = BigInt::from(magnitude.clone()) << up;
        let exponent = self.exponent - up.cast_signed();
        let digits = |mantissa: &BigInt| {
            let five =
                BigInt::from(5).pow(u32::try_from(exponent.min(0).unsigned_abs()).unwrap_or(0));
            ((mantissa * five) << exponent.max(0).unsigned_abs()).to_string()
        };
        let inclusive = !mantissa.bit(1);
        let [lower, exact, upper] =
            [digits(&(&mantissa - 1)), digits(&mantissa), digits(&(&mantissa + 1))];
        let width = upper.len();
        let point = i64::try_from(width).unwrap_or(i64::MAX) - exponent.min(0).abs();
        let [lower, exact, upper] =
            [lower, exact, upper].map(|text| format!("{text:0>width$}").into_bytes());
        let significant =
            |digits: &[u8]| digits.iter().rposition(|c| *c != b'0').map_or(0, |n| n + 1);
        let (lower_end, upper_end) = (significant(&lower), significant(&upper));
        let mut found = exact.clone();
        for (at, digit) in exact.iter().enumerate() {
            let (l, u) = (lower[at], upper[at]);
            let down = l != *digit || inclusive && at + 1 == lower_end;
            let up = *digit != u && (inclusive || digit + 1 < u || at + 1 < upper_end);
            if down || up {
                found.truncate(at + 1);
                // What is above has as many digits, so no digit comes in front.
                if up && (!down || is_more_than_half(&exact, at + 1)) {
                    increase(&mut found);
                }
                break;
            }
        }
        Decimal { digits: found, point }.trimmed()
    }

    /// All digits.
    fn exact(&self) -> Decimal {
        let by = self.exponent.min(0).unsigned_abs();
        let five = BigInt::from(5).pow(u32::try_from(by).unwrap_or(0));
        let mantissa = BigInt::from(self.mantissa.magnitude().clone());
        let digits = ((mantissa * five) << self.exponent.max(0).unsigned_abs()).to_string();
        let width = digits.len();
        let point = i64::try_from(width).unwrap_or(i64::MAX) - self.exponent.min(0).abs();
        Decimal { digits: digits.into_bytes(), point }.trimmed()
    }

    fn sign(&self) -> &'static str {
        if self.mantissa.sign() == Sign::Minus { "-" } else { "" }
    }

    /// As Terraform writes it: no exponent, and no more digits than it needs.
    pub(super) fn text(&self) -> String {
        if self.exponent >= 0 && self.mantissa.bits() + self.exponent.unsigned_abs() <= self.bits {
            return self.truncated().to_string();
        }
        let decimal = self.shortest();
        let places = usize::try_from(decimal.len() - decimal.point).unwrap_or(0);
        format!("{}{}", self.sign(), decimal.fixed(places))
    }

    /// With a number of digits behind the point: `%.3f`.
    pub(super) fn fixed(&self, places: usize) -> String {
        let mut decimal = self.exact();
        decimal.round(decimal.point + i64::try_from(places).unwrap_or(0));
        format!("{}{}", self.sign(), decimal.fixed(places))
    }

    /// With an exponent, and a number of digits behind the point: `%.3e`.
    pub(super) fn exponential(&self, places: usize, letter: char) -> String {
        let mut decimal = self.exact();
        decimal.round(i64::try_from(places).unwrap_or(0) + 1);
        format!("{}{}", self.sign(), decimal.exponential(places, letter))
    }

    /// The shorter one of both, with the digits that it needs or as many as are asked for: `%g`.
    pub(super) fn general(&self, digits: Option<usize>, letter: char) -> String {
        let mut decimal = match digits {
            Some(_) => self.exact(),
            None => self.shortest(),
        };
        let wanted = digits.map(|digits| i64::try_from(digits.max(1)).unwrap_or(1));
        if let Some(wanted) = wanted {
            decimal.round(wanted);
        }
        let limit = match wanted {
            Some(wanted) if wanted > decimal.len() && decimal.len() >= decimal.point => {
                decimal.len()
            }
            Some(wanted) => wanted,
            None => 6,
        };
        let exponent = decimal.point - 1;
        let text = if exponent < -4 || exponent >= limit {
            decimal.exponential(usize::try_from(decimal.len() - 1).unwrap_or(0), letter)
        } else {
            decimal.fixed(usize::try_from(decimal.len() - decimal.point).unwrap_or(0))
        };
        format!("{}{text}", self.sign())
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let (a, b, _) = self.aligned(other);
        Some(a.cmp(&b))
    }
}

/// Rounds to a number of bits, halves to even. `more` says that there is something behind the last bit.
fn rounded(mantissa: BigInt, exponent: i64, more: bool, bits: u64) -> Option<Num> {
    let excess = mantissa.bits().saturating_sub(bits);
    let number = if excess == 0 {
        Num { mantissa, exponent, bits }
    } else {
        let negative = mantissa.sign() == Sign::Minus;
        let magnitude = BigInt::from(mantissa.magnitude().clone());
        let mut kept = &magnitude >> excess;
        let half = magnitude.bit(excess - 1);
        let rest = more || magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
        if half && (rest || kept.bit(0)) {
            kept += 1;
        }
        let mantissa = if negative { -kept } else { kept };
        Num { mantissa, exponent: exponent + excess.cast_signed(), bits }
    };
    let number = number.reduced();
    let size = number.exponent + number.mantissa.bits().cast_signed();
    (number.exponent >= -EXPONENT_MAX && size <= EXPONENT_MAX).then_some(number)
}

/// `a / b * 2^exponent`.
fn quotient(a: &BigInt, b: &BigInt, exponent: i64, bits: u64) -> Option<Num> {
    if b.sign() == Sign::NoSign {
        return None;
    }
    let up = (bits + 2 + b.bits()).saturating_sub(a.bits());
    let above = a << up;
    let whole = &above / b;
    let more = &whole * b != above;
    rounded(whole, exponent - up.cast_signed(), more, bits)
}

/// Whether the digits from a place on are more than half, or half behind an odd digit.
fn is_more_than_half(digits: &[u8], at: usize) -> bool {
    match digits.get(at) {
        Some(b'5') if digits[at + 1..].iter().all(|c| *c == b'0') => {
            at > 0 && (digits[at - 1] - b'0') % 2 == 1
        }
        Some(digit) => *digit >= b'5',
        None => false,
    }
}

/// Adds one to the last digit; true if there is one digit more in front.
fn increase(digits: &mut Vec<u8>) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return false;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
    true
}

impl Decimal {
    fn len(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    /// Without zeros at the ends.
    fn trimmed(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|c| **c == b'0').count();
        self.digits.drain(..zeros);
        self.point -= i64::try_from(zeros).unwrap_or(0);
        let end = self.digits.iter().rposition(|c| *c != b'0').map_or(0, |at| at + 1);
        self.digits.truncate(end);
        if self.digits.is_empty() {
            (self.digits, self.point) = (vec![b'0'], 1);
        }
        self
    }

    /// Rounds to a number of digits.
    fn round(&mut self, digits: i64) {
        let Ok(keep) = usize::try_from(digits) else {
            (self.digits, self.point) = (vec![b'0'], 1);
            return;
        };
        if keep >= self.digits.len() {
            return;
        }
        let up = is_more_than_half(&self.digits, keep);
        self.digits.truncate(keep);
        if up && increase(&mut self.digits) {
            self.point += 1;
        }
        if self.digits.is_empty() {
            (self.digits, self.point) = (vec![b'0'], 1);
        }
    }

    fn fixed(&self, places: usize) -> String {
        let digit = |at: i64| {
            let found = usize::try_from(at).ok().and_then(|at| self.digits.get(at));
            char::from(found.copied().unwrap_or(b'0'))
        };
        let whole: String = (0..self.point).map(digit).collect();
        let whole = if whole.is_empty() { "0".to_owned() } else { whole };
        if places == 0 {
            return whole;
        }
        let places = i64::try_from(places).unwrap_or(0);
        let fraction: String = (self.point..self.point + places).map(digit).collect();
        format!("{whole}.{fraction}")
    }

    fn exponential(&self, places: usize, letter: char) -> String {
        let mut digits: String = self.digits.iter().map(|c| char::from(*c)).collect();
        while digits.len() <= places {
            digits.push('0');
        }
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let exponent = if self.digits == [b'0'] { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{point}{rest}{letter}{sign}{:02}", exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(text: &str) -> Num {
        Num::parse(text).unwrap()
    }

    /// What `terraform console` prints of the same.
    #[test]
    fn numbers_are_those_of_terraform() {
        let (one, three, ten) = (num("1"), num("3"), num("10"));
        assert_eq!(
            one.over(&three).unwrap().text(),
            "0.33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333335"
        );
        assert_eq!(
            ten.over(&three).unwrap().text(),
            "3.3333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333332"
        );
        assert_eq!(Num::from(1).over(&Num::from(3)).unwrap().text(), "0.33333333333333333334");
        assert_eq!(one.over(&three).unwrap().times(&three).unwrap().text(), "1");
        assert_eq!(num("0.29").times(&num("100")).unwrap().text(), "29");
        assert_eq!(num("0.1").plus(&num("0.2")).unwrap().text(), "0.3");
        assert_eq!(num("0.1").times(&three).unwrap().times(&ten).unwrap().ceil().text(), "3");
        assert_eq!(num("1e21").text(), "1000000000000000000000");
        assert_eq!(num("-1e-7").text(), "-0.0000001");
        assert_eq!(
            num("100000000000000000000").plus(&one).unwrap().text(),
            "100000000000000000001"
        );
        assert_eq!(
            num("7").modulo(&num("0.3")).unwrap().text(),
            "0.09999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999988"
        );
        assert_eq!(num("-7").modulo(&three).unwrap().text(), "-1");
        assert_eq!(num("5.5").modulo(&num("2")).unwrap().text(), "1.5");
        assert_eq!(Num::of(0.30000000000000004).unwrap().text(), "0.30000000000000004");
        assert_eq!(
            Num::of(1_267_650_600_228_229_401_496_703_205_376.0).unwrap().text(),
            "1267650600228229400000000000000"
        );
        assert_eq!(num("-0.5").floor().text(), "-1");
        assert_eq!(num("2.5").fixed(3), "2.500");
        assert_eq!(num("2.5").fixed(0), "2");
        assert_eq!(num("0.5").fixed(0), "0");
        assert_eq!(num("9.99").fixed(1), "10.0");
        assert_eq!(num("1234.5").exponential(6, 'e'), "1.234500e+03");
        assert_eq!(num("0").exponential(6, 'e'), "0.000000e+00");
        for (text, shown) in [
            ("0.00001", "1e-05"),
            ("1000000", "1e+06"),
            ("12345678", "1.2345678e+07"),
            ("123456.7", "123456.7"),
            ("1e21", "1e+21"),
            ("0.1", "0.1"),
            ("0", "0"),
        ] {
            assert_eq!(num(text).general(None, 'e'), shown);
        }
        for wrong in ["", "x", "0x10", "1_0", " 5", "1e", "--1", "1e99999"] {
            assert!(Num::parse(wrong).is_none(), "{wrong}");
        }
        assert!(one.over(&num("0")).is_none());
        assert!(num("0.1") < num("0.2") && num("-1") < num("0"));
    }
}
