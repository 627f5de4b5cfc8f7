//! Parts of SHA-256 in the SHA extensions of x86: states, blocks and the schedule of words.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_loadu_si128, _mm_set_epi32,
    _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use crate::sha256::{BLOCK, State};

/// The constants of the rounds (FIPS 180-4, section 4.2.2), four to a row.
pub static K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// A state as the SHA extensions work on it, the first word of each name in the highest lane.
#[derive(Clone, Copy)]
pub struct Words {
    pub abef: __m128i,
    pub cdgh: __m128i,
}

impl Words {
    #[inline]
    #[target_feature(enable = "sse2")]
    pub fn load(state: &State) -> Self {
        let words = state.map(u32::cast_signed);
        Self {
            abef: _mm_set_epi32(words[0], words[1], words[4], words[5]),
            cdgh: _mm_set_epi32(words[2], words[3], words[6], words[7]),
        }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub fn store(self, state: &mut State) {
        let Self { abef, cdgh } = self;
        *state = [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ]
        .map(i32::cast_unsigned);
    }

    /// Four rounds, given the next words of the schedule with their constants added.
    #[inline]
    #[target_feature(enable = "sha,sse2")]
    pub fn four_rounds(&mut self, schedule: __m128i) {
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, schedule);
        let rest = _mm_shuffle_epi32(schedule, 0x0e);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, rest);
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub fn add(&mut self, other: Self) {
        self.abef = _mm_add_epi32(self.abef, other.abef);
        self.cdgh = _mm_add_epi32(self.cdgh, other.cdgh);
    }
}

/// The sixteen words of a block, four to a register.
#[inline]
#[target_feature(enable = "ssse3")]
pub fn load_block(block: &[u8; BLOCK]) -> [__m128i; 4] {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (rows, _) = block.as_chunks::<16>();
    std::array::from_fn(|index| {
        // SAFETY: the row is 16 readable bytes, and the load needs no alignment.
        let row = unsafe { _mm_loadu_si128(rows[index].as_ptr().cast()) };
        _mm_shuffle_epi8(row, big_endian)
    })
}

/// The next four words of the schedule after the sixteen in `w` (FIPS 180-4, section 6.2.2, step 1).
#[inline]
#[target_feature(enable = "sha,ssse3")]
pub fn next_words([w0, w1, w2, w3]: [__m128i; 4]) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    _mm_sha256msg2_epu32(sum, w3)
}
