# Regularised evolution on CIFAR-10 (Real et al., AAAI 2019, algorithm 1), under the budget of random_cifar10. A quarter
# of the population is sampled, as in the paper (25 of 100); a population of 20 is chosen here for 68 trainings. One of
# 20 children is its parent, which is trained again: the paper's identity mutation.
_base_ = './random_cifar10.py'
method = 'Evolution'
sampler = dict(_delete_=True, type='evolution', population=20, sample=5, identity=0.05)
