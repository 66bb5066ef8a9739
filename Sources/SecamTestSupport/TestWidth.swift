import Glibc

/// Bounds how many tests run at once, before the test runner reads the bound from its environment.
///
/// Without one all of them start together, and each that waits for something comes back into line behind the first
/// part of every other: on two processors that alone takes minutes, and whatever talks to a real service runs out of
/// the time that the service has for it. A width that the environment already has is kept.
@section(".init_array") @used
private let limitTestWidth: @convention(c) () -> Void = {
    let width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 4
    unsafe setenv("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", "\(width)", 0)
}
