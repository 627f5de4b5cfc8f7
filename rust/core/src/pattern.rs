//! Lists of patterns that leave paths out, as in `.dockerignore` and `--exclude`.
//!
//! The rules are those of Docker's build reference, ".dockerignore file": the last pattern that matches a path or one of
//! its parents decides, and a pattern that begins with `!` lets it in again.

use crate::error::quoted;
use crate::glob::{DoubleStar, Glob};

/// A pattern is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}pattern {}: {reason}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), quoted(pattern))]
pub struct PatternError {
    /// Line of the `.dockerignore`, from 1; none where the pattern comes from an instruction.
    pub line: Option<usize>,
    /// The pattern as it was written.
    pub pattern: Vec<u8>,
    /// What is wrong with it.
    pub reason: &'static str,
}

#[derive(Debug)]
struct Pattern {
    glob: Glob,
    /// Whether it lets in what it matches, rather than leave it out.
    exception: bool,
}

/// An ordered list of patterns.
#[derive(Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    has_exception: bool,
}

/// Which patterns of a list match a folder or one of its parents.
#[derive(Debug, Clone)]
pub struct Inherited(Vec<bool>);

impl Patterns {
    /// Reads the lines of a `.dockerignore`: comments, blank lines and a byte order mark are skipped.
    ///
    /// # Errors
    /// The first line that is malformed.
    pub fn from_lines<L: AsRef<[u8]>>(lines: &[L]) -> Result<Self, PatternError> {
        let mut patterns = Self::default();
        for (index, line) in lines.iter().enumerate() {
            let mut line = line.as_ref();
            if index == 0 {
                line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            }
            // A `#` after spaces is no comment.
            if !line.starts_with(b"#") {
                patterns.add(line, Some(index + 1))?;
            }
        }
        Ok(patterns)
    }

    /// Reads patterns that were given one by one.
    ///
    /// # Errors
    /// The first that is malformed.
    pub fn from_arguments<A: AsRef<[u8]>>(arguments: &[A]) -> Result<Self, PatternError> {
        let mut patterns = Self::default();
        for argument in arguments {
            patterns.add(argument.as_ref(), None)?;
        }
        Ok(patterns)
    }

    fn add(&mut self, written: &[u8], line: Option<usize>) -> Result<(), PatternError> {
        let fail = |reason| PatternError {
            line,
            pattern: written.to_vec(),
            reason,
        };
        let trimmed = written.trim_ascii();
        let (exception, text) = trimmed
            .strip_prefix(b"!")
            .map_or((false, trimmed), |rest| (true, rest.trim_ascii()));
        if text.is_empty() {
            return if exception {
                Err(fail("there is nothing after the !"))
            } else {
                Ok(())
            };
        }
        let cleaned = clean(text);
        let relative = cleaned.strip_prefix(b"/").unwrap_or(&cleaned);
        let glob = Glob::parse(relative, DoubleStar::Folders).map_err(fail)?;
        self.patterns.push(Pattern { glob, exception });
        self.has_exception |= exception;
        Ok(())
    }

    /// Whether there is no pattern.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether `path`, which is relative and clean, is left out.
    #[must_use]
    pub fn leave_out(&self, path: &[u8]) -> bool {
        let mut inherited = self.at_root();
        for (index, byte) in path.iter().enumerate() {
            if *byte == b'/' {
                inherited = self.below(&path[..index], &inherited);
            }
        }
        self.leave_out_child(path, &inherited)
    }

    /// What holds for the children of the root.
    #[must_use]
    pub fn at_root(&self) -> Inherited {
        Inherited(vec![false; self.patterns.len()])
    }

    /// What holds for the children of `folder`, of which `inherited` holds itself.
    #[must_use]
    pub fn below(&self, folder: &[u8], inherited: &Inherited) -> Inherited {
        let matched = self.patterns.iter().zip(&inherited.0);
        Inherited(
            matched
                .map(|(pattern, inherited)| *inherited || pattern.glob.matches(folder))
                .collect(),
        )
    }

    /// Whether `path` is left out, of which `inherited` holds.
    #[must_use]
    pub fn leave_out_child(&self, path: &[u8], inherited: &Inherited) -> bool {
        let mut latest_first = self.patterns.iter().zip(&inherited.0).rev();
        latest_first
            .find(|(pattern, inherited)| **inherited || pattern.glob.matches(path))
            .is_some_and(|(pattern, _)| !pattern.exception)
    }

    /// Whether an exception could let in something in `folder`, at any depth, although `folder` is left out.
    #[must_use]
    pub fn may_let_in_below(&self, folder: &[u8]) -> bool {
        self.has_exception
            && self
                .patterns
                .iter()
                .any(|pattern| pattern.exception && pattern.glob.may_match_below(folder))
    }
}

/// Go's `path.Clean`: no empty or `.` parts, no `..` but leading ones, no trailing slash; `.` for nothing.
#[must_use]
pub fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
