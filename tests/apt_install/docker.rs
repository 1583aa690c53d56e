pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
    vec![]
}
