#include "reference/definition/problem.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <string_view>
#include <utility>

namespace dra {
namespace {

template <class Enum> struct NamedValue {
    Enum value;
    std::string_view name;
};

constexpr NamedValue<Mode> modes[] = {{Mode::groups, "groups"}, {Mode::mixture, "mixture"}};
constexpr NamedValue<PhaseRule> phase_rules[] = {
    {PhaseRule::group, "group"}, {PhaseRule::head, "head"}, {PhaseRule::head_block, "head-block"}};
constexpr NamedValue<Layout> layouts[] = {
    {Layout::contiguous, "contiguous"}, {Layout::zigzag, "zigzag"}, {Layout::segment_zigzag, "segment-zigzag"}};
constexpr NamedValue<DType> dtypes[] = {
    {DType::f32, "F32"}, {DType::f64, "F64"}, {DType::bf16, "BF16"}, {DType::f16, "F16"}};

// The table of an enumeration.
constexpr auto& names(Mode) { return modes; }
constexpr auto& names(PhaseRule) { return phase_rules; }
constexpr auto& names(Layout) { return layouts; }
constexpr auto& names(DType) { return dtypes; }

template <class Enum> std::string allowed_names() {
    std::string list = "must be one of";
    for (const char* separator = " "; const auto& entry : names(Enum{}))
        list.append(std::exchange(separator, ", ")).append(entry.name);
    return list;
}

template <class Enum> std::string name_of(const char* field, Enum value) {
    for (const auto& entry : names(value))
        if (entry.value == value) return std::string(entry.name);
    throw PatternError(field, std::to_string(static_cast<int>(value)), allowed_names<Enum>());
}

std::string text(double value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

std::string text(const std::vector<Index>& list) {
    std::ostringstream stream;
    for (const char* separator = "["; const Index item : list) stream << std::exchange(separator, ", ") << item;
    return list.empty() ? "[]" : stream.str() + "]";
}

std::string element(const std::string& list, std::size_t i) { return list + "[" + std::to_string(i) + "]"; }

constexpr const char* axes[] = {"B", "N", "H", "D"};

/// Rank 4, every size positive, and its bytes, at 8 per element, countable: offsets into it can then never overflow.
void check_shape(const std::string& tensor, const TensorInfo& info) {
    const std::string field = tensor + ".shape", value = text(info.shape);
    if (info.shape.size() != 4) throw ShapeError(field, value, "must be [B, N, H, D]");
    Index bytes = sizeof(double);
    for (std::size_t axis = 0; axis < 4; ++axis) {
        if (info.shape[axis] < 1) throw ShapeError(field, value, std::string(axes[axis]) + " must be at least 1");
        if (__builtin_mul_overflow(bytes, info.shape[axis], &bytes))
            throw ShapeError(field, value, "B*N*H*D*8 bytes must not exceed 2^63 - 1");
    }
}

/// The two tensors have the same type and, on these axes, the same sizes.
void check_agreement(const std::string& tensor, const TensorInfo& info, const std::string& other_tensor,
                     const TensorInfo& other, std::initializer_list<std::size_t> agreeing_axes) {
    if (info.dtype != other.dtype)
        throw ShapeError(tensor + ".dtype", name(info.dtype),
                         "must be that of " + other_tensor + ", " + name(other.dtype));
    for (const std::size_t axis : agreeing_axes)
        if (info.shape[axis] != other.shape[axis])
            throw ShapeError(tensor + ".shape", text(info.shape),
                             std::string(axes[axis]) + " must be that of " + other_tensor + ", " +
                                 std::to_string(other.shape[axis]));
}

const TensorInfo& present(const char* tensor, const std::optional<TensorInfo>& info) {
    if (!info) throw ShapeError(tensor, "(missing)", "must be given");
    return *info;
}

void check_inputs(const InputInfo& inputs) {
    const TensorInfo &q = present("q", inputs.q), &k = present("k", inputs.k), &v = present("v", inputs.v);
    check_shape("q", q);
    check_shape("k", k);
    check_shape("v", v);
    check_agreement("k", k, "q", q, {0, 1, 3});
    check_agreement("v", v, "q", q, {0, 1, 3});
    check_agreement("v", v, "k", k, {2});
    if (inputs.dout) {
        check_shape("dout", *inputs.dout);
        check_agreement("dout", *inputs.dout, "q", q, {0, 1, 2, 3});
    }
    if (q.shape[2] % k.shape[2] != 0)
        throw ShapeError("q.shape", text(q.shape),
                         "H must be a multiple of the heads of k and v, " + std::to_string(k.shape[2]));
}

void check_patterns(const std::vector<Index>& w, const std::vector<Index>& r) {
    if (w.empty()) throw PatternError("segment_lengths", "[]", "must have at least one entry");
    if (r.size() != w.size())
        throw PatternError("dilation_rates", text(r), "must have as many entries as segment_lengths = " + text(w));
    for (std::size_t i = 0; i < w.size(); ++i) {
        const std::string length = element("segment_lengths", i), w_i = std::to_string(w[i]);
        if (w[i] < 1) throw PatternError(length, w_i, "must be at least 1");
        if (r[i] < 1 || r[i] > w[i])
            throw PatternError(element("dilation_rates", i), std::to_string(r[i]),
                               "must be between 1 and " + length + " = " + w_i);
    }
}

void check_ranks(Index ranks) {
    if (ranks < 1 || ranks > most_ranks)
        throw PatternError("ranks", std::to_string(ranks), "must be between 1 and " + std::to_string(most_ranks));
}

/// Whether T keeps x, not 0, to its full precision.
template <class T> bool holds(double x) {
    return std::numeric_limits<T>::min() <= std::abs(x) && std::abs(x) <= std::numeric_limits<T>::max();
}

/// Beyond what computes scores are infinite or NaN; below they lose their digits, or are all 0.
void check_scale(double scale, DType dtype) {
    if (!std::isfinite(scale)) throw PatternError("softmax_scale", text(scale), "must be finite");
    const bool in_double = dtype == DType::f64;
    if (scale != 0 && !(in_double ? holds<double>(scale) : holds<float>(scale)))
        throw PatternError(
            "softmax_scale", text(scale),
            std::string("must be 0 or of a magnitude that ") +
                (in_double ? "double holds, from 2.23e-308 to 1.79e+308" : "float holds, from 1.18e-38 to 3.40e+38"));
}

template <class T> constexpr DType dtype_of = std::is_same_v<T, double> ? DType::f64 : DType::f32;

} // namespace

std::string name(Mode mode) { return name_of("mode", mode); }
std::string name(PhaseRule rule) { return name_of("phase", rule); }
std::string name(Layout layout) { return name_of("layout", layout); }
std::string name(DType dtype) { return name_of("dtype", dtype); }

template <class Enum, class Error> Enum parse(const std::string& field, const std::string& value) {
    for (const auto& entry : names(Enum{}))
        if (entry.name == value) return entry.value;
    throw Error(field, value, allowed_names<Enum>());
}

template Mode parse<Mode>(const std::string&, const std::string&);
template PhaseRule parse<PhaseRule>(const std::string&, const std::string&);
template Layout parse<Layout>(const std::string&, const std::string&);
template DType parse<DType>(const std::string&, const std::string&);
template DType parse<DType, FormatError>(const std::string&, const std::string&);

template <class T> TensorInfo info(TensorView<const T> tensor) {
    const Shape& shape = tensor.shape();
    return {dtype_of<T>, {shape.batch, shape.tokens, shape.heads, shape.head_dim}};
}

template <class T> InputInfo info(const InputsView<T>& inputs) {
    return {info(inputs.q), info(inputs.k), info(inputs.v), std::nullopt};
}

Problem validate(const Configuration& chosen, const InputInfo& inputs) {
    check_inputs(inputs);
    check_patterns(chosen.segment_lengths, chosen.dilation_rates);
    name(chosen.mode), name(chosen.layout); // throw when no such value exists
    if (chosen.phase) name(*chosen.phase);
    if (chosen.softmax_scale) check_scale(*chosen.softmax_scale, inputs.q->dtype);
    check_ranks(chosen.ranks);
    if (!(chosen.dropout >= 0 && chosen.dropout < 1))
        throw PatternError("dropout", text(chosen.dropout), "must be at least 0 and below 1");

    const std::vector<Index>& shape = inputs.q->shape;
    const PhaseRule default_phase = chosen.mode == Mode::groups ? PhaseRule::group : PhaseRule::head;
    const double default_scale = 1 / std::sqrt(static_cast<double>(shape[3]));
    return {.batch = shape[0],
            .tokens = shape[1],
            .heads = shape[2],
            .kv_heads = inputs.k->shape[2],
            .head_dim = shape[3],
            .segment_lengths = chosen.segment_lengths,
            .dilation_rates = chosen.dilation_rates,
            .mode = chosen.mode,
            .phase = chosen.phase.value_or(default_phase),
            .causal = chosen.causal,
            .softmax_scale = chosen.softmax_scale.value_or(default_scale),
            .ranks = chosen.ranks,
            .layout = chosen.layout,
            .stop_gradient_mixing = chosen.stop_gradient_mixing,
            .dropout = chosen.dropout,
            .dropout_seed = chosen.dropout_seed};
}

template <class T> void check_finite(const std::string& tensor, TensorView<const T> x) {
    const auto [batch, tokens, heads, head_dim] = x.shape();
    for (Index b = 0; b < batch; ++b)
        for (Index n = 0; n < tokens; ++n)
            for (Index h = 0; h < heads; ++h) {
                const Eigen::Map<const Eigen::ArrayX<T>> row(x.row(b, n, h), head_dim);
                if (row.isFinite().all()) continue;
                Index d = 0;
                while (std::isfinite(row[d])) ++d;
                throw ShapeError(tensor + text({b, n, h, d}), text(static_cast<double>(row[d])), "must be finite");
            }
}

template TensorInfo info(TensorView<const float>);
template TensorInfo info(TensorView<const double>);
template InputInfo info(const InputsView<float>&);
template InputInfo info(const InputsView<double>&);
template void check_finite(const std::string&, TensorView<const float>);
template void check_finite(const std::string&, TensorView<const double>);

} // namespace dra
