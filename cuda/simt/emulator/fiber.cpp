#include "cuda/simt/emulator/fiber.hpp"

#include "cuda/simt/emulator/sanitizers.hpp"

#include <new>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#if defined(DRA_SIMT_ASAN)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace dra::simt::machine {

namespace context = boost::context::detail;

Stack::Stack(std::size_t bytes, unsigned number) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t usable = (bytes + page - 1) / page * page;
    mapped_ = usable + page;
    void* mapping = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    mprotect(mapping, page, PROT_NONE);
    bottom_ = static_cast<unsigned char*>(mapping) + page;
    bytes_ = usable - std::size_t{number} * 192 % page;
}

Stack::~Stack() {
    if (bottom_) munmap(bottom_ - sysconf(_SC_PAGESIZE), mapped_);
}

Stack::Stack(Stack&& other) noexcept
    : bottom_(std::exchange(other.bottom_, nullptr)), bytes_(other.bytes_), mapped_(other.mapped_) {}

Fiber::Fiber() {
#if defined(DRA_SIMT_ASAN)
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    void* bottom;
    pthread_attr_getstack(&attributes, &bottom, &bytes_);
    pthread_attr_destroy(&attributes);
    bottom_ = bottom;
#elif defined(DRA_SIMT_TSAN)
    watched_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(const Stack& stack, Entry entry) : entry_(entry), bottom_(stack.bottom()), bytes_(stack.bytes()) {
    context_ = context::make_fcontext(stack.bottom() + bytes_, bytes_, enter);
#if defined(DRA_SIMT_TSAN)
    watched_ = __tsan_create_fiber(0);
    owns_watched_ = true;
#endif
}

Fiber::~Fiber() {
#if defined(DRA_SIMT_TSAN)
    if (owns_watched_) __tsan_destroy_fiber(watched_);
#endif
}

namespace {

/// AddressSanitizer's stack for locals changes in the middle of a switch, so nothing of a switch may lie there.
#define DRA_SIMT_REAL_STACK __attribute__((no_sanitize("address")))

/// Who is being switched to and from. It travels with the jump, so that the one that goes on can store where the other
/// stopped.
struct Jump {
    context::fcontext_t* stopped;
    Fiber* next;
};

} // namespace

DRA_SIMT_REAL_STACK void Fiber::switch_to(Fiber& next) {
#if defined(DRA_SIMT_TSAN)
    __tsan_switch_to_fiber(next.watched_, __tsan_switch_to_fiber_no_sync);
#elif defined(DRA_SIMT_ASAN)
    __sanitizer_start_switch_fiber(&fake_stack_, next.bottom_, next.bytes_);
#endif
    Jump jump{&context_, &next};
    const context::transfer_t back = context::jump_fcontext(next.context_, &jump);
    *static_cast<Jump*>(back.data)->stopped = back.fctx;
#if defined(DRA_SIMT_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
}

DRA_SIMT_REAL_STACK void Fiber::enter(context::transfer_t from) {
    const Jump jump = *static_cast<Jump*>(from.data);
    *jump.stopped = from.fctx;
#if defined(DRA_SIMT_ASAN)
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    for (;;) jump.next->entry_();
}

} // namespace dra::simt::machine
