//! `Recipe`, `RecipeReader`, `chunk_recipe` and `read_chunks`.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lamella_core::damage::Damage;
use lamella_core::digest::Digest;
use lamella_core::pack::{self as core_pack, FrameError, Slice};
use lamella_core::recipe::{
    self as core, ReadError, Recipe as CoreRecipe, RecipeReader as CoreReader, Source,
};
use pyo3::exceptions::{PyIndexError, PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Bytes;
use crate::chunker::concatenated;
use crate::digest::{RawDigest, raw};
use crate::error::{RecipeError, ToPython, detached};

#[pyclass(frozen, module = "lamella._core")]
struct Recipe(Arc<CoreRecipe>);

#[pymethods]
impl Recipe {
    #[new]
    fn new(py: Python<'_>, data: Bytes) -> PyResult<Self> {
        detached(py, || CoreRecipe::parse(data.as_slice().to_vec()))
            .map(|recipe| Self(Arc::new(recipe)))
    }

    #[getter]
    fn digest(&self) -> RawDigest {
        self.0.content().digest.into()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.content().size
    }

    #[getter]
    fn content_digest(&self) -> RawDigest {
        self.0.content().content_digest.into()
    }

    #[getter]
    fn content_size(&self) -> u64 {
        self.0.content().content_size
    }

    #[getter]
    fn transform(&self) -> &str {
        self.0.transform().name()
    }

    #[getter]
    fn parameters(&self) -> &[u8] {
        self.0.transform().parameters()
    }

    #[getter]
    fn chunk_count(&self) -> usize {
        self.0.chunks().len()
    }

    #[getter]
    fn literal_size(&self) -> usize {
        self.0.literal_size()
    }

    #[getter]
    fn longest_piece(&self) -> u32 {
        let lengths = self.0.pieces().iter().map(|piece| piece.length);
        lengths.max().unwrap_or(0)
    }

    #[getter]
    fn file_size(&self) -> usize {
        self.0.data().len()
    }

    fn part<'py>(&self, py: Python<'py>, offset: usize, most: usize) -> Bound<'py, PyBytes> {
        let rest = self.0.data().get(offset..).unwrap_or_default();
        PyBytes::new(py, &rest[..most.min(rest.len())])
    }

    fn chunks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        concatenated(py, self.0.chunks().iter())
    }

    fn distinct(&self, py: Python<'_>) -> Vec<(RawDigest, u64, u64)> {
        py.detach(|| {
            let chunks = self.0.distinct_chunks();
            let digests = self.0.chunks();
            chunks
                .into_iter()
                .map(|chunk| (digests[chunk.index], chunk.offset, chunk.size))
                .collect()
        })
    }

    #[pyo3(signature = (chunks, base = None))]
    fn groups(
        &self,
        py: Python<'_>,
        chunks: Vec<usize>,
        base: Option<Py<Self>>,
    ) -> PyResult<Vec<FlatGroup>> {
        let base = base.map(|base| Arc::clone(&base.get().0));
        py.detach(|| {
            let distinct = self.0.distinct_chunks();
            let chunks = chunks
                .iter()
                .map(|&number| distinct.get(number).copied().ok_or(number))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(self.0.groups(&chunks, base.as_deref()))
        })
        .map(|groups| groups.into_iter().map(flat).collect())
        .map_err(|number: usize| PyIndexError::new_err(format!("the recipe has no chunk {number}")))
    }

    fn pieces(&self, py: Python<'_>) -> PyResult<Vec<(RawDigest, u64)>> {
        let pieces = detached(py, || self.0.named_pieces())?;
        Ok(pieces.into_iter().map(raw).collect())
    }

    fn literal<'py>(&self, py: Python<'py>, piece: usize) -> PyResult<Bound<'py, PyBytes>> {
        match detached(py, || self.0.literal(piece))? {
            Some(bytes) => Ok(PyBytes::new(py, &bytes)),
            None => Err(PyIndexError::new_err(format!(
                "no piece {piece} of the recipe is a literal"
            ))),
        }
    }
}

/// A group: its number of chunks, and offset and size of each range.
type FlatGroup = (usize, Vec<(u64, u64)>);

fn flat(group: core::Group) -> FlatGroup {
    let ranges = group.base.into_iter();
    let sizes = ranges.map(|range| (range.start, range.end - range.start));
    (group.chunks, sizes.collect())
}

#[pyclass(frozen, module = "lamella._core")]
struct RecipeReader(Mutex<CoreReader>);

/// Where a chunk is: digest, descriptor of the pack, frame offset, length, size, offset in the frame, size.
type Located = (RawDigest, RawFd, u64, u32, u32, u32, u32);

#[pymethods]
impl RecipeReader {
    #[new]
    #[pyo3(signature = (recipe, offset = 0, length = None))]
    fn new(recipe: Py<Recipe>, offset: u64, length: Option<u64>) -> Self {
        let recipe = Arc::clone(&recipe.get().0);
        let reader = CoreReader::new(recipe, offset, length.unwrap_or(u64::MAX));
        Self(Mutex::new(reader))
    }

    #[pyo3(signature = (most = 4_194_304))]
    fn wanted<'py>(&self, py: Python<'py>, most: u64) -> PyResult<Bound<'py, PyBytes>> {
        let digests = py.detach(|| self.lock().wanted(most));
        concatenated(py, digests.iter().map(Digest::as_bytes))
    }

    #[pyo3(signature = (located, blobs = HashMap::new()))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        located: Vec<Located>,
        blobs: HashMap<RawDigest, Bytes>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let size = py.detach(|| self.lock().window_size());
        if size == 0 {
            return Ok(None);
        }
        let size = usize::try_from(size).map_err(|_| PyMemoryError::new_err("the window"))?;
        let sources = sources(&located, &blobs)?;
        // Filled in place, since a copy of all that is read would cost as much as decompressing half of it.
        PyBytes::new_with(py, size, |bytes| {
            detached(py, || {
                let mut reader = self.lock();
                if reader.window_size() == bytes.len() as u64 {
                    reader.read(&sources, bytes).map_err(Error::Read)
                } else {
                    Err(Error::Busy)
                }
            })
        })
        .map(Some)
    }
}

impl RecipeReader {
    fn lock(&self) -> MutexGuard<'_, CoreReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sources<'data>(
    located: &'data [Located],
    blobs: &'data HashMap<RawDigest, Bytes>,
) -> PyResult<HashMap<Digest, Source<'data>>> {
    let mut sources = HashMap::with_capacity(located.len() + blobs.len());
    for (digest, bytes) in blobs {
        sources.insert(Digest::from(*digest), Source::Whole(bytes.as_slice()));
    }
    for located in located {
        let slice = slice(located)?;
        sources.insert(slice.digest, Source::Packed(slice));
    }
    Ok(sources)
}

fn slice(located: &Located) -> PyResult<Slice<'_>> {
    let (digest, descriptor, frame_offset, frame_length, frame_size, offset, size) = *located;
    if descriptor < 0 {
        return Err(PyValueError::new_err(format!(
            "{descriptor} is no descriptor"
        )));
    }
    Ok(Slice {
        digest: digest.into(),
        // SAFETY: the number is not -1. The caller keeps the descriptor open; one that is closed, or another file by
        // now, gives an error or a wrong checksum, as only `fstat` and `pread` are called on it.
        file: unsafe { BorrowedFd::borrow_raw(descriptor) },
        frame_offset,
        frame_length,
        frame_size,
        offset,
        size,
    })
}

enum Error {
    Read(ReadError),
    Busy,
}

impl ToPython for Error {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Busy => PyValueError::new_err("another thread uses the reader"),
            Self::Read(ReadError::Damaged(damage)) => damage.to_python(py),
            Self::Read(ReadError::Frame(error)) => error.to_python(py),
            Self::Read(error @ ReadError::Missing(digest)) => {
                recipe_error(py, error.to_string(), Some(digest))
            }
        }
    }
}

impl ToPython for FrameError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Damaged(damage) => damage.to_python(py),
            Self::File { digest, source } => {
                let message = format!("a pack cannot be read: {source}");
                recipe_error(py, message, Some(digest))
            }
        }
    }
}

impl ToPython for Damage {
    fn to_python(self, py: Python<'_>) -> PyErr {
        recipe_error(py, self.to_string(), self.chunk)
    }
}

/// The exception, with the chunk that cannot be had.
fn recipe_error(py: Python<'_>, message: String, chunk: Option<Digest>) -> PyErr {
    let error = RecipeError::new_err(message);
    let digest = chunk.map(|chunk| PyBytes::new(py, chunk.as_bytes()));
    match error.value(py).setattr("digest", digest) {
        Ok(()) => error,
        Err(error) => error,
    }
}

#[pyfunction]
fn read_chunks(py: Python<'_>, located: Vec<Located>) -> PyResult<Vec<Bound<'_, PyBytes>>> {
    let slices = located.iter().map(slice).collect::<PyResult<Vec<_>>>()?;
    let chunks = detached(py, || core_pack::read_chunks(&slices))?;
    Ok(chunks.iter().map(|chunk| PyBytes::new(py, chunk)).collect())
}

/// A chunk by its digest and size, or bytes.
#[derive(FromPyObject)]
enum NewPiece {
    Chunk(RawDigest, u32),
    Literal(Bytes),
}

#[pyfunction]
fn chunk_recipe(
    py: Python<'_>,
    digest: RawDigest,
    pieces: Vec<NewPiece>,
) -> PyResult<Bound<'_, PyBytes>> {
    let pieces = pieces.iter().map(|piece| match piece {
        NewPiece::Chunk(digest, size) => core::NewPiece::Chunk((*digest).into(), *size),
        NewPiece::Literal(bytes) => core::NewPiece::Literal(bytes.as_slice()),
    });
    let recipe = core::of_pieces(digest.into(), pieces)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &recipe))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Recipe>()?;
    module.add_class::<RecipeReader>()?;
    module.add_function(wrap_pyfunction!(chunk_recipe, module)?)?;
    module.add_function(wrap_pyfunction!(read_chunks, module)?)
}
