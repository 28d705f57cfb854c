// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two lists through links inside the records. RecordList is a plain one. CallbackList survives what drivers do while
// it is being walked: its records stand for functions of drivers, and such a function may register, unregister, fault
// or start another walk. It must stay the only way in which the foundation iterates over driver functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::foundation {

template <typename T>
struct RecordLink {
  T* previous = nullptr;
  T* next = nullptr;
};

template <typename T, RecordLink<T> T::* link>
class RecordList {
 public:
  T* first() const { return first_; }
  T* last() const { return last_; }
  static T* next(const T& record) { return (record.*link).next; }
  static T* previous(const T& record) { return (record.*link).previous; }
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }

  void push_back(T& record) {
    (record.*link) = {last_, nullptr};
    (last_ != nullptr ? (last_->*link).next : first_) = &record;
    last_ = &record;
    ++size_;
  }

  void remove(T& record) {
    RecordLink<T>& own = record.*link;
    (own.previous != nullptr ? (own.previous->*link).next : first_) = own.next;
    (own.next != nullptr ? (own.next->*link).previous : last_) = own.previous;
    own = {};
    --size_;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

// State of a record in a CallbackList.
struct CallbackState {
  std::uint64_t sequence = 0;  // order of registration
  std::uint32_t pins = 0;      // walks that stand on it
  bool removed = false;        // gone for all but those walks
};

// T has a CallbackState `callback` and the link.
template <typename T, RecordLink<T> T::* link>
class CallbackList {
 public:
  void push_back(T& record) {
    record.callback = {.sequence = next_sequence_++, .pins = 0, .removed = false};
    list_.push_back(record);
    ++active_;
  }

  // True: the record is unlinked and the caller releases it. False: a walk stands on it and will release it.
  [[nodiscard]] bool remove(T& record) {
    if (!record.callback.removed) --active_;
    record.callback.removed = true;
    if (record.callback.pins != 0) return false;
    list_.remove(record);
    return true;
  }

  // Calls visit(T&) in order of registration for what is registered now and still is when its turn comes, until it
  // returns false. release(T&) gets each record whose removal waited for this walk. The list must outlive the walk:
  // its owner keeps it while walked() is true.
  template <typename Visit, typename Release>
  void walk(Visit visit, Release release) {
    const std::uint64_t end = next_sequence_;
    ++walkers_;
    bool more = true;
    for (T* record = list_.first(); more && record != nullptr && record->callback.sequence < end;) {
      T* next = nullptr;
      if (record->callback.removed) {
        next = list_.next(*record);
      } else {
        ++record->callback.pins;
        more = visit(*record);
        --record->callback.pins;
        next = list_.next(*record);
        if (record->callback.removed && record->callback.pins == 0) {
          list_.remove(*record);
          release(*record);
        }
      }
      record = next;
    }
    --walkers_;
  }

  // For walks that call no driver. Records already removed appear too: look at callback.removed.
  T* first() const { return list_.first(); }
  static T* next(const T& record) { return RecordList<T, link>::next(record); }

  std::size_t active() const { return active_; }  // records not removed
  bool walked() const { return walkers_ != 0; }
  bool unused() const { return list_.empty() && walkers_ == 0; }

 private:
  RecordList<T, link> list_;
  std::uint64_t next_sequence_ = 0;
  std::size_t active_ = 0;
  std::uint32_t walkers_ = 0;
};

}  // namespace redoubt::foundation
