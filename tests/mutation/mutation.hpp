#pragma once
/// \file
/// What mutated sources call: every point of mutation asks whether its mutant is the one that DRA_MUTANT chooses.
///
/// Included before everything else by the compiler's command line. Operands of types that an operator does not treat
/// like numbers (Eigen's expressions, iterators) are left alone, and constant expressions are never mutated.

#if __cplusplus >= 202002L // CMake tries the compiler without

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <type_traits>

namespace dra::mutation {

inline constexpr int most = 1 << 14;

/// Which points the program has, and which of them were asked at run time; added to the file that DRA_MUTATION_SEEN
/// names when the program ends.
struct Seen {
    bool there[most] = {}, asked[most] = {};
    ~Seen() {
        const char* path = std::getenv("DRA_MUTATION_SEEN");
        if (!path) return;
        std::ofstream file(path);
        for (int id = 0; id < most; ++id)
            if (there[id]) file << id << ' ' << asked[id] << '\n';
    }
};
inline Seen seen;
inline const int chosen = std::getenv("DRA_MUTANT") ? std::atoi(std::getenv("DRA_MUTANT")) : -1;

/// Initialised at the start of a program that has the point, whether or not it gets there.
template <int id> inline const bool there = seen.there[id] = true;

template <int id> constexpr bool on() {
    if (std::is_constant_evaluated()) return false;
    seen.asked[id] = there<id>;
    return id == chosen;
}

/// Numbers, and vectors of them as g++ knows them: nothing but these has no members and no pointers.
template <class T> inline constexpr bool number = std::is_arithmetic_v<T> ||
                                                  (!std::is_class_v<T> && !std::is_pointer_v<T> && !std::is_enum_v<T> &&
                                                   !std::is_array_v<T> && requires(T x) { x[0] * x[0]; });

#define DRA_MUTATED_OPERATOR(name, op, other)                                                         \
    template <int id, class A, class B> constexpr decltype(auto) name(const A& a, const B& b) {       \
        if constexpr (requires { requires std::is_same_v<decltype(a op b), decltype(a other b)>; }) { \
            if constexpr ((number<A> && number<B>) || std::is_same_v<decltype(a op b), bool>)         \
                return on<id>() ? a other b : a op b;                                                 \
            else                                                                                      \
                return a op b;                                                                        \
        } else {                                                                                      \
            return a op b;                                                                            \
        }                                                                                             \
    }
DRA_MUTATED_OPERATOR(less, <, <=)
DRA_MUTATED_OPERATOR(less_equal, <=, <)
DRA_MUTATED_OPERATOR(greater, >, >=)
DRA_MUTATED_OPERATOR(greater_equal, >=, >)
DRA_MUTATED_OPERATOR(equal, ==, !=)
DRA_MUTATED_OPERATOR(unequal, !=, ==)
DRA_MUTATED_OPERATOR(times, *, +)
DRA_MUTATED_OPERATOR(divide, /, *)
DRA_MUTATED_OPERATOR(remainder, %, /)
#undef DRA_MUTATED_OPERATOR

/// The right operand of + and -, with its sign turned.
template <int id, class A> constexpr decltype(auto) negated(A&& a) {
    using Value = std::remove_cvref_t<A>;
    if constexpr (number<Value> && !std::is_same_v<Value, bool>)
        return on<id>() ? static_cast<Value>(-a) : static_cast<Value>(a);
    else
        return std::forward<A>(a);
}

/// -a, or a.
template <int id, class A> constexpr decltype(auto) minus(const A& a) {
    if constexpr (number<A>)
        return on<id>() ? decltype(-a)(a) : -a;
    else
        return -a;
}

template <int id, class A> constexpr bool negation(const A& a) { return on<id>() ? bool(a) : !a; }

/// One side of && or ||, as if it were not there.
template <int id, class A> constexpr bool left_out_of_and(const A& a) { return on<id>() || bool(a); }
template <int id, class A> constexpr bool left_out_of_or(const A& a) { return !on<id>() && bool(a); }

/// The index before.
template <int id, class A> constexpr decltype(auto) index(const A& a) {
    if constexpr (std::is_integral_v<A>)
        return on<id>() && a > 0 ? static_cast<A>(a - 1) : A(a);
    else
        return a;
}

/// An integer and the next one; another number and its double.
template <int id, class A> constexpr A constant(A a) {
    if constexpr (std::is_integral_v<A>)
        return on<id>() ? static_cast<A>(a + 1) : a;
    else
        return on<id>() ? (a == 0 ? A(1) : 2 * a) : a;
}

template <int id> struct Min {
    template <class T> static constexpr T of(const T& a, const T& b) {
        return on<id>() ? std::max(a, b) : std::min(a, b);
    }
    template <class T> static constexpr T of(std::initializer_list<T> all) {
        return on<id>() ? std::max(all) : std::min(all);
    }
};
template <int id> struct Max {
    template <class T> static constexpr T of(const T& a, const T& b) {
        return on<id>() ? std::min(a, b) : std::max(a, b);
    }
    template <class T> static constexpr T of(std::initializer_list<T> all) {
        return on<id>() ? std::min(all) : std::max(all);
    }
};

} // namespace dra::mutation
#endif
