//! Matching one path against one wildcard pattern: the syntax of Go's `filepath.Match`, and Docker's `**` on request.
//!
//! Patterns and paths are bytes that mostly are UTF-8; a byte that is not is a character of its own. Matching takes time
//! in proportion to path times pattern, whatever the pattern.

/// One step of a pattern. A pattern is run as a non-deterministic automaton whose states are positions before a token.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Literal(u32),
    /// `?`: any character but `/`.
    Character,
    /// `[...]`: a character within, or if negated outside of, these inclusive ranges. As in Go, `/` may be one.
    Class {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
    /// `*`: any characters but `/`.
    Star,
    /// `**` at an end: any characters.
    Anything,
    /// `**` before something: nothing, or what the [`Token::Through`] that always follows takes.
    Folders,
    /// Any characters up to and with a `/`.
    Through,
}

/// Which meaning `**` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubleStar {
    /// That of `*`, as in `filepath.Match` and in the sources of COPY and ADD.
    Star,
    /// Any number of folders, as in `.dockerignore`.
    Folders,
}

/// A pattern ready for matching.
#[derive(Debug)]
pub struct Glob {
    tokens: Vec<Token>,
    /// The bytes that every match begins with.
    prefix: Vec<u8>,
    /// The bytes that every match ends with.
    suffix: Vec<u8>,
    /// Whether there is no wildcard, so that `prefix` is all there is.
    literal: bool,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(pattern: &[u8], double_star: DoubleStar) -> Result<Self, &'static str> {
        let mut glob = Self {
            tokens: Vec::new(),
            prefix: Vec::new(),
            suffix: Vec::new(),
            literal: true,
        };
        let mut rest = pattern;
        while let Some((&first, after)) = rest.split_first() {
            match first {
                b'*' if double_star == DoubleStar::Folders && after.starts_with(b"*") => {
                    let folder_ended = after[1..].strip_prefix(b"/");
                    rest = folder_ended.unwrap_or(&after[1..]);
                    // Docker takes a leading `**` before plain text for "ends with", although no folder need end there.
                    let ends_with = glob.tokens.is_empty()
                        && folder_ended.is_none()
                        && !rest.iter().copied().any(is_special);
                    if rest.is_empty() || ends_with {
                        glob.push_wildcard(Token::Anything);
                    } else {
                        glob.push_wildcard(Token::Folders);
                        glob.tokens.push(Token::Through);
                    }
                }
                b'*' => {
                    glob.push_wildcard(Token::Star);
                    rest = after;
                }
                b'?' => {
                    glob.push_wildcard(Token::Character);
                    rest = after;
                }
                b'[' => {
                    let class;
                    (class, rest) = parse_class(after)?;
                    glob.push_wildcard(class);
                }
                b'\\' if after.is_empty() => return Err("it ends in a lone \\"),
                b'\\' => rest = glob.take_literal(after),
                _ => rest = glob.take_literal(rest),
            }
        }
        Ok(glob)
    }

    fn push_wildcard(&mut self, token: Token) {
        self.tokens.push(token);
        self.suffix.clear();
        self.literal = false;
    }

    /// Takes the first character of `text` as it is and returns what follows.
    fn take_literal<'text>(&mut self, text: &'text [u8]) -> &'text [u8] {
        let (character, length) = first_character(text);
        if self.literal {
            self.prefix.extend_from_slice(&text[..length]);
        }
        self.suffix.extend_from_slice(&text[..length]);
        self.tokens.push(Token::Literal(character));
        &text[length..]
    }

    /// Whether the whole of `path` matches.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        if self.literal {
            return path == self.prefix;
        }
        path.starts_with(&self.prefix)
            && path.ends_with(&self.suffix)
            && self.run(path).last() == Some(&true)
    }

    /// Whether some path in the folder `folder`, at any depth, could match.
    #[must_use]
    pub fn may_match_below(&self, folder: &[u8]) -> bool {
        let path = [folder, b"/"].concat();
        let common = path.len().min(self.prefix.len());
        if path[..common] != self.prefix[..common] {
            return false;
        }
        let states = self.run(&path);
        states[..self.tokens.len()].contains(&true)
    }

    /// The states that the automaton may be in after `path`; the last one is that of a match.
    fn run(&self, path: &[u8]) -> Vec<bool> {
        let mut states = vec![false; self.tokens.len() + 1];
        states[0] = true;
        self.close(&mut states);
        let mut next = vec![false; states.len()];
        let mut rest = path;
        while !rest.is_empty() {
            let (character, length) = first_character(rest);
            rest = &rest[length..];
            next.fill(false);
            for (position, token) in self.tokens.iter().enumerate() {
                if states[position] {
                    let (stays, passes) = token.take(character);
                    next[position] |= stays;
                    next[position + 1] |= passes;
                }
            }
            self.close(&mut next);
            std::mem::swap(&mut states, &mut next);
        }
        states
    }

    /// Adds the states that are reached without a character.
    fn close(&self, states: &mut [bool]) {
        for (position, token) in self.tokens.iter().enumerate() {
            if states[position] {
                match token {
                    Token::Star | Token::Anything => states[position + 1] = true,
                    Token::Folders => {
                        states[position + 1] = true;
                        states[position + 2] = true;
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Token {
    /// Whether the automaton may, with this character, stay before the token, and whether it may pass it.
    fn take(&self, character: u32) -> (bool, bool) {
        let slash = character == u32::from(b'/');
        match self {
            Self::Literal(literal) => (false, *literal == character),
            Self::Character => (false, !slash),
            Self::Class { negated, ranges } => {
                let within = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&character));
                (false, within != *negated)
            }
            Self::Star => (!slash, false),
            Self::Anything => (true, false),
            Self::Folders => (false, false),
            Self::Through => (true, slash),
        }
    }
}

/// Whether a pattern that has this byte is more than plain text.
const fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\')
}

/// Reads a class after its `[`; returns it and what follows its `]`.
fn parse_class(text: &[u8]) -> Result<(Token, &[u8]), &'static str> {
    let (negated, mut rest) = text
        .strip_prefix(b"^")
        .map_or((false, text), |rest| (true, rest));
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"]")
            && !ranges.is_empty()
        {
            return Ok((Token::Class { negated, ranges }, after));
        }
        let low;
        (low, rest) = parse_bound(rest)?;
        let mut high = low;
        if let Some(after) = rest.strip_prefix(b"-") {
            (high, rest) = parse_bound(after)?;
        }
        ranges.push((low, high));
    }
}

fn parse_bound(text: &[u8]) -> Result<(u32, &[u8]), &'static str> {
    let bare = text.strip_prefix(b"\\");
    match (bare.unwrap_or(text), bare) {
        ([], _) => Err("a [ has no ]"),
        ([b'-' | b']', ..], None) => Err("a [...] lacks a character before - or ]"),
        (rest, _) => {
            let (character, length) = first_character(rest);
            Ok((character, &rest[length..]))
        }
    }
}

/// The first character of a text that is not empty, and its length in bytes. Bytes that are not UTF-8 become numbers
/// that no character has.
fn first_character(text: &[u8]) -> (u32, usize) {
    const NOT_UTF_8: u32 = 0x11_0000;
    if text[0].is_ascii() {
        return (u32::from(text[0]), 1);
    }
    let longest = &text[..text.len().min(4)];
    let valid = match str::from_utf8(longest) {
        Ok(valid) => valid,
        Err(error) => str::from_utf8(&longest[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid
        .chars()
        .next()
        .map_or((NOT_UTF_8 + u32::from(text[0]), 1), |character| {
            (u32::from(character), character.len_utf8())
        })
}
