import Glibc

/// Limits how many tests run at once, before the test runner reads the limit from its environment.
///
/// Without a limit all tests start together, and each test that waits queues behind the first part of every other. On
/// two processors that alone takes minutes, and exceeds the timeouts of real services. A limit in the environment is
/// kept.
@section(".init_array") @used
private let limitTestWidth: @convention(c) () -> Void = {
    let width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 4
    unsafe setenv("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", "\(width)", 0)
}
