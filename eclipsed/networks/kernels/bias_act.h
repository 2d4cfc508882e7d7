// Where the bias, the scale and the noise of a number lie, and what one thread of bias_act does.
//
// The same on a GPU and on a CPU, like arithmetic.h, so that a machine without a GPU can test it.
#pragma once

#include <initializer_list>
#include <type_traits>

#include "arithmetic.h"

namespace eclipsed {

// Division by a number that stays: a multiplication and a shift, exact for dividends below 2^31. Wider ones divide.
template <class Index>
struct Divisor {
    Index by;
    uint32_t factor;
    int shift;

    explicit Divisor(int64_t number) : by(static_cast<Index>(number)), factor(0), shift(31) {
        if (std::is_same<Index, int64_t>::value || number < 1) return;
        while (int64_t{1} << (shift - 31) < number) ++shift;
        factor = static_cast<uint32_t>(((uint64_t{1} << shift) + number - 1) / number);
    }

    ECLIPSED_INLINE Index operator()(Index dividend) const {
        if (std::is_same<Index, int64_t>::value) return dividend / by;
        return static_cast<Index>(static_cast<uint64_t>(dividend) * factor >> shift);
    }
};

// Numbers i = (n · channels + c) · inner + spot, or, with channels last, (n · inner + spot) · channels + c.
template <class Index>
struct Places {
    Divisor<Index> first, second;

    explicit Places(const BiasAct& p) : first(p.last ? p.channels : p.inner), second(p.last ? p.inner : p.channels) {}
};

// `V` neighbours from number `i` on, from the input and, in the backward pass, the result. Above 1 `V` divides the
// channels, when they lie side by side, or else the numbers of a channel.
template <bool GRAD, class T, int V, class Index>
ECLIPSED_INLINE Pack<T, V> bias_act_pack(const BiasAct& p, const Places<Index>& places, Index i, const Pack<T, V>& in,
                                         const Pack<T, V>& result) {
    Pack<T, V> out;
    if (GRAD) {
#pragma unroll
        for (int j = 0; j < V; ++j)
            out.values[j] = static_cast<T>(
                bias_act_grad(p, static_cast<float>(in.values[j]), static_cast<float>(result.values[j])));
        return out;
    }
    float add[V] = {}, times[V];
#pragma unroll
    for (int j = 0; j < V; ++j) times[j] = 1.0f;
    if (p.channels) {
        const Index rest = places.first(i), n = places.second(rest);
        const Index near = i - rest * places.first.by, far = rest - n * places.second.by;
        const T* noise = static_cast<const T*>(p.noise) + n * p.noise_step;
        if (p.last) {
            const float same = p.noise ? static_cast<float>(noise[far]) : 0.0f;
            const float* scale = p.scale + n * p.channels + near;
#pragma unroll
            for (int j = 0; j < V; ++j) add[j] = p.bias ? p.bias[near + j] + same : same;
#pragma unroll
            for (int j = 0; j < V; ++j) times[j] = p.scale ? scale[j] : 1.0f;
        } else {
            const float same = p.bias ? p.bias[far] : 0.0f;
            const float scale = p.scale ? p.scale[rest] : 1.0f;
            Pack<T, V> own{};
            if (p.noise) own = load<V>(noise + near);
#pragma unroll
            for (int j = 0; j < V; ++j) add[j] = same + static_cast<float>(own.values[j]), times[j] = scale;
        }
    }
#pragma unroll
    for (int j = 0; j < V; ++j)
        out.values[j] = static_cast<T>(bias_act(p, static_cast<float>(in.values[j]) * times[j], add[j]));
    return out;
}

// How many numbers a thread may move at once: as many as are 16 bytes, or one.
inline int pack_size(const BiasAct& p, int bytes, std::initializer_list<const void*> pointers) {
    const int most = 16 / bytes;
    if (p.count % most || (p.channels && (p.last ? p.channels : p.inner) % most)) return 1;
    for (const void* pointer : pointers)  // a null one is aligned to anything
        if (reinterpret_cast<uintptr_t>(pointer) % 16) return 1;
    return most;
}

}  // namespace eclipsed
