// The quick ways of upfirdn2d, for filters of 4 × 4 taps and (up, down) of (1, 1), (2, 1) and (1, 2).
//
// A thread makes a few neighbouring numbers of the result from one window of the input, which all of them read. On a
// GPU and on a CPU alike: each function is what thread `tid` does between two barriers, so that a machine without a
// GPU can run block after block and phase after phase in plain loops. Offsets inside a plane or picture fit 32 bits.
#pragma once

#include "arithmetic.h"

namespace eclipsed {

// The filter as the threads read it: turned unless it is to correlate, times the gain.
ECLIPSED_INLINE float turned_tap(const UpFirDn& p, const float* taps, int i) {
    return p.gain * taps[p.flip ? i : 15 - i];
}

// An odd number of zeros before an image that is doubled would let each result begin with the other taps. Windows
// that begin one number earlier avoid that: the taps that meet a pixel are then known when this is compiled.
template <int UP>
ECLIPSED_INLINE int shift_of(int padding) {
    return UP == 2 ? padding & 1 : 0;
}

// WIDE × HIGH numbers of the result, each of V channels, and the window of the input below them.
template <int UP, int DOWN, int WIDE, int HIGH, int V>
struct Window {
    static constexpr int cols = (DOWN * (WIDE - 1) + 3) / UP + 1;
    static constexpr int rows = (DOWN * (HIGH - 1) + 3) / UP + 1;
    float sums[HIGH][WIDE][V];

    // Row `r` of the window. With the loops unrolled, no test remains.
    template <int COLS>
    ECLIPSED_INLINE void add(int r, const float (&taps)[16], const float (&row)[COLS][V]) {
#pragma unroll
        for (int j = 0; j < HIGH; ++j) {
            const int ky = UP * r - DOWN * j;
            if (ky < 0 || ky > 3) continue;
#pragma unroll
            for (int i = 0; i < WIDE; ++i)
#pragma unroll
                for (int c = 0; c < cols; ++c) {
                    const int kx = UP * c - DOWN * i;
                    if (kx < 0 || kx > 3) continue;
#pragma unroll
                    for (int v = 0; v < V; ++v) sums[j][i][v] += taps[4 * ky + kx] * row[c][v];
                }
        }
    }
};

// A block makes a tile of one plane, whatever the strides. It first brings the input below the tile to shared memory:
// in float32 and with its zeros around, which a window then reads without a test and in 16 bytes, however the rows lie.
template <int UP, int DOWN>
struct Tile {
    static constexpr int lanes = 32, warps = kThreads / lanes;
    static constexpr int wide = 4, high = DOWN == 1 ? 4 : 2;  // of a thread
    static constexpr int out_w = lanes * wide, out_h = warps * high;
    static constexpr int in_w = (DOWN * (out_w - 1) + 3) / UP + 1, in_h = (DOWN * (out_h - 1) + 3) / UP + 1;
    static constexpr int pitch = (in_w + 3) / 4 * 4;
    static constexpr int size = pitch * in_h > out_w * out_h ? pitch * in_h : out_w * out_h;
    static constexpr int step_x = wide * DOWN / UP, step_y = high * DOWN / UP;  // between the windows of two threads
    static constexpr int at_once = step_x % 4 ? 2 : 4;
    using Sums = Window<UP, DOWN, wide, high, 1>;

    int64_t from, to;  // where the plane begins
    int out_x, out_y, in_x, in_y;

    ECLIPSED_INLINE Tile(const UpFirDn& p, int column, int row, unsigned plane) {
        const unsigned channels = static_cast<unsigned>(p.c), n = plane / channels, c = plane - n * channels;
        from = n * p.in_n + c * p.in_c, to = n * p.out_n + c * p.out_c;
        out_x = column * out_w - shift_of<UP>(p.left), out_y = row * out_h - shift_of<UP>(p.top);
        in_x = (out_x * DOWN - p.left) / UP, in_y = (out_y * DOWN - p.top) / UP;
    }

    static int columns(const UpFirDn& p) { return static_cast<int>((p.out_w + shift_of<UP>(p.left) - 1) / out_w + 1); }
    static int rows(const UpFirDn& p) { return static_cast<int>((p.out_h + shift_of<UP>(p.top) - 1) / out_h + 1); }

    template <class T>
    ECLIPSED_INLINE void stage(const UpFirDn& p, const T* x, int tid, float* buffer) const {
        const bool inside = in_x >= 0 && in_y >= 0 && in_x + in_w <= p.in_w && in_y + in_h <= p.in_h;
        if (p.in_x != 1)
            stage_rows<false>(p, x + from, tid, buffer, static_cast<int>(p.in_x));
        else if (inside)
            stage_rows<true>(p, x + from, tid, buffer, 1);  // most tiles: a quarter less to do
        else
            stage_rows<false>(p, x + from, tid, buffer, 1);
    }

    // All is loaded before any of it is kept, for many loads to be under way.
    template <bool INSIDE, class T>
    ECLIPSED_INLINE void stage_rows(const UpFirDn& p, const T* plane, int tid, float* buffer, int stride) const {
        constexpr int down = (in_h + warps - 1) / warps, across = (in_w + lanes - 1) / lanes;
        const int lane = tid % lanes, warp = tid / lanes;
        const unsigned height = static_cast<unsigned>(p.in_h), width = static_cast<unsigned>(p.in_w);
        T held[down][across];
#pragma unroll
        for (int k = 0; k < down; ++k) {
            const int r = warp + k * warps, y = in_y + r;
            const bool valid = r < in_h && (INSIDE || static_cast<unsigned>(y) < height);
            const T* row = plane + (valid ? y * static_cast<int>(p.in_y) : 0) + int64_t{stride} * (in_x + lane);
#pragma unroll
            for (int s = 0; s < across; ++s) {
                const int c = lane + s * lanes;
                const bool there = valid && c < in_w && (INSIDE || static_cast<unsigned>(in_x + c) < width);
                held[k][s] = there ? row[s * lanes * stride] : static_cast<T>(0.0f);
            }
        }
#pragma unroll
        for (int k = 0; k < down; ++k)
#pragma unroll
            for (int s = 0; s < across; ++s) {
                const int r = warp + k * warps, c = lane + s * lanes;
                if (r < in_h && c < in_w) buffer[r * pitch + c] = static_cast<float>(held[k][s]);
            }
    }

    static ECLIPSED_INLINE Sums filter(const float (&taps)[16], const float* buffer, int tid) {
        Sums own{};
        const float* corner = buffer + tid / lanes * step_y * pitch + tid % lanes * step_x;
#pragma unroll
        for (int r = 0; r < Sums::rows; ++r) {
            constexpr int loads = (Sums::cols + at_once - 1) / at_once;
            float row[loads * at_once][1];
#pragma unroll
            for (int k = 0; k < loads; ++k) {
                const auto some = load<at_once>(corner + r * pitch + k * at_once);
#pragma unroll
                for (int j = 0; j < at_once; ++j) row[k * at_once + j][0] = some.values[j];
            }
            own.add(r, taps, row);
        }
        return own;
    }

    // Where the rows of the result allow it each thread writes what it made.
    template <class T>
    ECLIPSED_INLINE void write(const UpFirDn& p, T* out, int tid, const Sums& own) const {
        const int x = out_x + tid % lanes * wide;
#pragma unroll
        for (int j = 0; j < high; ++j) {
            const int y = out_y + tid / lanes * high + j;
            Pack<T, wide> pack;
#pragma unroll
            for (int i = 0; i < wide; ++i) pack.values[i] = static_cast<T>(own.sums[j][i][0]);
            if (static_cast<unsigned>(y) < static_cast<unsigned>(p.out_h) && x < static_cast<int>(p.out_w))
                store(out + to + y * static_cast<int>(p.out_y) + x, pack);
        }
    }

    // Else it goes through shared memory, so that neighbouring threads write neighbouring numbers.
    static ECLIPSED_INLINE void keep(float* buffer, int tid, const Sums& own) {
#pragma unroll
        for (int j = 0; j < high; ++j)
#pragma unroll
            for (int i = 0; i < wide; ++i)
                buffer[(tid / lanes * high + j) * out_w + tid % lanes * wide + i] = own.sums[j][i][0];
    }

    template <class T>
    ECLIPSED_INLINE void write_kept(const UpFirDn& p, T* out, int tid, const float* buffer) const {
        if (p.out_x == 1)
            write_rows(p, out + to, tid, buffer, 1);
        else
            write_rows(p, out + to, tid, buffer, static_cast<int>(p.out_x));
    }

    template <class T>
    ECLIPSED_INLINE void write_rows(const UpFirDn& p, T* plane, int tid, const float* buffer, int stride) const {
        const int x = out_x + tid % lanes;
#pragma unroll
        for (int j = 0; j < high; ++j) {
            const int r = tid / lanes * high + j, y = out_y + r;
            if (static_cast<unsigned>(y) >= static_cast<unsigned>(p.out_h)) continue;
            T* row = plane + y * static_cast<int>(p.out_y) + int64_t{stride} * x;
            const float* kept = buffer + r * out_w + tid % lanes;
#pragma unroll
            for (int s = 0; s < wide; ++s)
                if (static_cast<unsigned>(x + s * lanes) < static_cast<unsigned>(p.out_w))
                    row[s * lanes * stride] = static_cast<T>(kept[s * lanes]);
        }
    }
};

// Channels last: neighbouring threads take neighbouring channels, 16 bytes at a time, straight from memory; what
// windows share lies in the GPU's nearest cache.
template <class T, int UP, int DOWN>
struct Channels {
    static constexpr int size = 16 / sizeof(T);
    static constexpr int wide = UP, high = UP == 1 && DOWN == 1 ? 4 : 2;
    using Sums = Window<UP, DOWN, wide, high, size>;

    // Threads of a row of windows, and rows.
    static int columns(const UpFirDn& p) {
        return static_cast<int>(((p.out_w + shift_of<UP>(p.left) - 1) / wide + 1) * (p.c / size));
    }
    static int rows(const UpFirDn& p) { return static_cast<int>((p.out_h + shift_of<UP>(p.top) - 1) / high + 1); }

    static ECLIPSED_INLINE void run(const UpFirDn& p, const float (&taps)[16], const T* x, T* out, unsigned column,
                                    int row, int n) {
        const unsigned packs = static_cast<unsigned>(p.c) / size, window = column / packs;
        const int c = static_cast<int>(column - window * packs) * size;
        const int out_x = static_cast<int>(window) * wide - shift_of<UP>(p.left);
        const int out_y = row * high - shift_of<UP>(p.top);
        const int in_x = (out_x * DOWN - p.left) / UP, in_y = (out_y * DOWN - p.top) / UP;
        const bool inside = in_x >= 0 && in_y >= 0 && in_x + Sums::cols <= p.in_w && in_y + Sums::rows <= p.in_h;
        const T* from = x + n * p.in_n + c;
        const Sums own = inside ? filter<true>(p, taps, from, in_x, in_y) : filter<false>(p, taps, from, in_x, in_y);
        T* to = out + n * p.out_n + c;
#pragma unroll
        for (int j = 0; j < high; ++j)
#pragma unroll
            for (int i = 0; i < wide; ++i) {
                const int oy = out_y + j, ox = out_x + i;
                if (static_cast<unsigned>(oy) >= static_cast<unsigned>(p.out_h) ||
                    static_cast<unsigned>(ox) >= static_cast<unsigned>(p.out_w))
                    continue;
                Pack<T, size> pack;
#pragma unroll
                for (int v = 0; v < size; ++v) pack.values[v] = static_cast<T>(own.sums[j][i][v]);
                store(to + oy * static_cast<int>(p.out_y) + ox * static_cast<int>(p.out_x), pack);
            }
    }

    // Most windows lie inside the image, and need not ask where it ends.
    template <bool INSIDE>
    static ECLIPSED_INLINE Sums filter(const UpFirDn& p, const float (&taps)[16], const T* from, int in_x, int in_y) {
        const unsigned height = static_cast<unsigned>(p.in_h), width = static_cast<unsigned>(p.in_w);
        const int step_y = static_cast<int>(p.in_y), step_x = static_cast<int>(p.in_x);
        Sums own{};
#pragma unroll
        for (int r = 0; r < Sums::rows; ++r) {
            Pack<T, size> some[Sums::cols];
#pragma unroll
            for (int k = 0; k < Sums::cols; ++k) {
                const int y = in_y + r, x = in_x + k;
                if (INSIDE || (static_cast<unsigned>(y) < height && static_cast<unsigned>(x) < width))
                    some[k] = load<size>(from + (y * step_y + x * step_x));
                else
                    some[k] = Pack<T, size>{};
            }
            float values[Sums::cols][size];
#pragma unroll
            for (int k = 0; k < Sums::cols; ++k)
#pragma unroll
                for (int j = 0; j < size; ++j) values[k][j] = static_cast<float>(some[k].values[j]);
            own.add(r, taps, values);
        }
        return own;
    }
};

enum class Way { general, tiles, channels };

// Which way a launch can go, and whether tiles can write their rows four numbers at a time.
inline Way way_of(UpFirDn& p, int bytes, const void* x, const void* out) {
    constexpr int64_t most = 1 << 30, blocks = 65535;
    const bool sizes = (p.up == 1 && p.down <= 2) || (p.up == 2 && p.down == 1);
    const bool small = (p.in_h - 1) * p.in_y + (p.in_w - 1) * p.in_x + p.c < most && p.in_h + p.in_w < most / 4 &&
                       (p.out_h - 1) * p.out_y + (p.out_w - 1) * p.out_x + p.c < most && p.out_h + p.out_w < most / 4 &&
                       p.left < most / 4 && p.top < most / 4 && p.left > -most / 4 && p.top > -most / 4 &&
                       (p.out_w + 1) * p.c < most && p.out_h < blocks;
    if (!sizes || !small || p.taps_h != 4 || p.taps_w != 4) return Way::general;
    const auto fit = [](int64_t size, int64_t a, int64_t b, int64_t c) { return (a | b | c) % size == 0; };
    const auto lies = [](const void* pointer, int size) { return reinterpret_cast<uintptr_t>(pointer) % size == 0; };
    const int pack = 16 / bytes;
    if (p.in_c == 1 && p.out_c == 1 && p.c % pack == 0 && p.n <= blocks && fit(pack, p.in_n, p.in_y, p.in_x) &&
        fit(pack, p.out_n, p.out_y, p.out_x) && lies(x, 16) && lies(out, 16))
        return Way::channels;
    p.aligned = p.out_x == 1 && p.out_w % 4 == 0 && fit(4, p.out_n, p.out_c, p.out_y) && lies(out, 4 * bytes) &&
                (p.up == 1 || p.left % 2 == 0);
    return p.n * p.c <= blocks ? Way::tiles : Way::general;
}

}  // namespace eclipsed
