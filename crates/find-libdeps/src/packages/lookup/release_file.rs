//! The format of a suite's Release file, which lists the sizes and SHA-256 sums of its indexes
//! (Debian wiki, DebianRepository/Format, "Release" files).
//!
//! Signatures are not checked here: apt keeps only files whose signature it has verified.

/// The entry of one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 sum, in lower-case hexadecimal.
    pub sha256: String,
}

/// The digest of the index `name`, such as `main/Contents-amd64` for the uncompressed one; `None` if
/// the file does not list it.
pub fn digest(text: &str, name: &str) -> Option<Digest> {
    text.lines()
        .skip_while(|line| line.trim_end() != "SHA256:")
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .find_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [sha256, size, file] = fields[..] else {
                return None;
            };
            (file == name).then_some(Digest {
                size: size.parse().ok()?,
                sha256: sha256.to_ascii_lowercase(),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read_from_the_named_field_and_file() {
        let text = "Origin: Debian\nMD5Sum:\n 00 1 main/Contents-amd64\nSHA256:\n \
                    aa 3 main/Contents-amd64.gz\n AB 2 main/Contents-amd64\nNext: x\n";
        let found = digest(text, "main/Contents-amd64");
        let sha256 = "ab".to_owned();
        assert_eq!(found, Some(Digest { size: 2, sha256 }));
        assert_eq!(digest(text, "main/Contents-arm64"), None);
        assert_eq!(digest("SHA256:\n x y main/a\n", "main/a"), None);
    }
}
