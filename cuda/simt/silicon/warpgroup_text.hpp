#pragma once
/// \file
/// The text of wgmma: an instruction names every accumulator register, so each N needs its own.
///
/// OUTPUTS_n are n / 2 operands, NAMES_n their numbers; the operands after them are A (one descriptor or four
/// registers), B and whether to accumulate.

#define DRA_OUTPUTS_AT(i)                                                                                       \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
        "+f"(d[i + 7])
#define DRA_OUTPUTS_16 DRA_OUTPUTS_AT(0)
#define DRA_OUTPUTS_32 DRA_OUTPUTS_16, DRA_OUTPUTS_AT(8)
#define DRA_OUTPUTS_64 DRA_OUTPUTS_32, DRA_OUTPUTS_AT(16), DRA_OUTPUTS_AT(24)
#define DRA_OUTPUTS_96 DRA_OUTPUTS_64, DRA_OUTPUTS_AT(32), DRA_OUTPUTS_AT(40)
#define DRA_OUTPUTS_128 DRA_OUTPUTS_96, DRA_OUTPUTS_AT(48), DRA_OUTPUTS_AT(56)
#define DRA_OUTPUTS_256                                                                              \
    DRA_OUTPUTS_128, DRA_OUTPUTS_AT(64), DRA_OUTPUTS_AT(72), DRA_OUTPUTS_AT(80), DRA_OUTPUTS_AT(88), \
        DRA_OUTPUTS_AT(96), DRA_OUTPUTS_AT(104), DRA_OUTPUTS_AT(112), DRA_OUTPUTS_AT(120)

#define DRA_NAMES_16 "%0,%1,%2,%3,%4,%5,%6,%7"
#define DRA_NAMES_32 DRA_NAMES_16 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define DRA_NAMES_64 DRA_NAMES_32 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define DRA_NAMES_96 DRA_NAMES_64 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define DRA_NAMES_128 DRA_NAMES_96 ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define DRA_NAMES_256                                                                            \
    DRA_NAMES_128 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"             \
                  ",%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"             \
                  ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111" \
                  ",%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

/// Scale factors 1 and 1; a matrix from a descriptor also says whether it is transposed.
#define DRA_WGMMA_TEXT(n, type, a, b, accumulate, transposes)                                             \
    "{\n\t.reg .pred add;\n\tsetp.ne.b32 add, " accumulate ", 0;\n\twgmma.mma_async.sync.aligned.m64n" #n \
    "k16.f32." type "." type " {" DRA_NAMES_##n "}, " a ", " b ", add, 1, 1, " transposes ";\n\t}"
#define DRA_WGMMA_SHARED(n, type, transpose, a0, a1, a2, a3, b4, add5) \
    asm volatile(DRA_WGMMA_TEXT(n, type, a0, a1, a2, "0, " transpose)  \
                 : DRA_OUTPUTS_##n                                     \
                 : "l"(a), "l"(b), "r"(accumulate)                     \
                 : "memory")
#define DRA_WGMMA_REGISTERS(n, type, transpose, a0, a1, a2, a3, b4, add5)                      \
    asm volatile(DRA_WGMMA_TEXT(n, type, "{" a0 "," a1 "," a2 "," a3 "}", b4, add5, transpose) \
                 : DRA_OUTPUTS_##n                                                             \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate)         \
                 : "memory")

/// The choices of type and transposition that text cannot take from template arguments.
#define DRA_WGMMA_CHOOSE(form, n, ...)             \
    if constexpr (N == n) {                        \
        if constexpr (std::is_same_v<T, bf16>) {   \
            if constexpr (TransposeB == 0)         \
                form(n, "bf16", "0", __VA_ARGS__); \
            else                                   \
                form(n, "bf16", "1", __VA_ARGS__); \
        } else {                                   \
            if constexpr (TransposeB == 0)         \
                form(n, "f16", "0", __VA_ARGS__);  \
            else                                   \
                form(n, "f16", "1", __VA_ARGS__);  \
        }                                          \
    }
#define DRA_WGMMA_DISPATCH(form)                                                     \
    static_assert(N == 16 || N == 32 || N == 64 || N == 96 || N == 128 || N == 256); \
    DRA_WGMMA_CHOOSE(form, 16, "%8", "%9", "%10", "%11", "%12", "%13")               \
    DRA_WGMMA_CHOOSE(form, 32, "%16", "%17", "%18", "%19", "%20", "%21")             \
    DRA_WGMMA_CHOOSE(form, 64, "%32", "%33", "%34", "%35", "%36", "%37")             \
    DRA_WGMMA_CHOOSE(form, 96, "%48", "%49", "%50", "%51", "%52", "%53")             \
    DRA_WGMMA_CHOOSE(form, 128, "%64", "%65", "%66", "%67", "%68", "%69")            \
    DRA_WGMMA_CHOOSE(form, 256, "%128", "%129", "%130", "%131", "%132", "%133")
